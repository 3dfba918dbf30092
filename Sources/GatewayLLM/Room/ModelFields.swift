import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayWire

/// The heads of requests to providers. A caller's own fields stay behind but for those the operator listed.
enum ModelFields {
    private static let userAgent = Array("sluice".utf8)
    private static let json = Array("application/json".utf8)
    private static let beta = Array("anthropic-beta".utf8)
    /// The version a provider is asked for when the client names none.
    private static let version = Array("2023-06-01".utf8)

    /// What of a request's fields was not sent although it was meant for the provider.
    struct Head {
        var request = RequestHead()
        var droppedBetas: [String] = []
    }

    static func make(
        _ exchange: Exchange, _ endpoint: ModelEndpoint, to provider: CompiledProvider,
        _ credential: CompiledCredential?, framing: BodyFraming, query: [UInt8]? = nil
    ) -> Head {
        var head = Head()
        head.request.method = exchange.request.method
        head.request.fields.bytes.reserveCapacity(512)
        head.request.methodName = head.request.fields.store(
            exchange.request.fields.copy(exchange.request.methodName))
        setTarget(&head.request, exchange, endpoint, provider, query)
        head.request.authority = head.request.fields.store(provider.authority)
        head.request.framing = framing
        if framing != .none { addContentType(&head.request, exchange, endpoint) }
        head.request.fields.append(.userAgent, userAgent)
        if let credential, let value = credential.value {
            value.reveal { head.request.fields.append(name: credential.field, value: $0) }
        }
        if provider.dialect == .anthropic { addVersion(&head, exchange, endpoint, provider, credential?.beta) }
        for field in provider.fields { head.request.fields.append(name: field.name, value: field.value) }
        for name in provider.forwardedFields { forward(name, from: exchange, to: &head.request) }
        addTrace(&head.request, exchange)
        return head
    }

    private static func setTarget(
        _ head: inout RequestHead, _ exchange: Exchange, _ endpoint: ModelEndpoint, _ provider: CompiledProvider,
        _ query: [UInt8]?
    ) {
        var target = provider.pathPrefix
        target.append(contentsOf: provider.upstreamPath(endpoint))
        let pathCount = target.count
        if let query {
            if !query.isEmpty { target.append(0x3F) }
            target.append(contentsOf: query)
        } else if endpoint.isNative(to: provider.dialect), !exchange.request.query.isEmpty {
            target.append(0x3F)
            target.append(contentsOf: exchange.request.fields.copy(exchange.request.query))
        }
        head.target = head.fields.store(target)
        head.path = Slice(start: Int(head.target.start), count: pathCount)
        if target.count > pathCount {
            head.query = Slice(
                start: Int(head.target.start) + pathCount + 1, count: target.count - pathCount - 1)
        }
    }

    /// A translated body is JSON; any other keeps the type it came with, a form's boundary is part of it.
    private static func addContentType(_ head: inout RequestHead, _ exchange: Exchange, _ endpoint: ModelEndpoint) {
        if endpoint.keepsType, let entry = exchange.request.fields.first(.contentType) {
            head.fields.append(.contentType, exchange.request.fields.copy(entry.value))
        } else {
            head.fields.append(.contentType, json)
        }
    }

    private static func addVersion(
        _ head: inout Head, _ exchange: Exchange, _ endpoint: ModelEndpoint, _ provider: CompiledProvider,
        _ own: [UInt8]?
    ) {
        let fields = exchange.request.fields
        let asked = endpoint.isNative(to: .anthropic) ? fields.firstIndex(named: ModelEndpoint.anthropicVersion) : nil
        head.request.fields.append(
            name: ModelEndpoint.anthropicVersion, value: asked.map { fields.copy(fields.entries[$0].value) } ?? version)
        var sent = own ?? []
        defer { if !sent.isEmpty { head.request.fields.append(name: beta, value: sent) } }
        guard endpoint.isNative(to: .anthropic) else { return }
        for entry in fields.entries where fields.equals(entry.name, beta) {
            for word in fields.copy(entry.value).split(separator: 0x2C) {
                let value = trimmed(word)
                guard !value.isEmpty else { continue }
                guard provider.betas.map({ $0.contains { $0.matches(value.span) } }) ?? true else {
                    head.droppedBetas.append(String(decoding: value.prefix(64), as: UTF8.self))
                    continue
                }
                if !sent.isEmpty { sent.append(0x2C) }
                sent.append(contentsOf: value)
            }
        }
    }

    private static func trimmed(_ word: ArraySlice<UInt8>) -> [UInt8] {
        var word = word
        while word.first == 0x20 || word.first == 0x09 { word.removeFirst() }
        while word.last == 0x20 || word.last == 0x09 { word.removeLast() }
        return Array(word)
    }

    private static func forward(_ name: [UInt8], from exchange: Exchange, to head: inout RequestHead) {
        let fields = exchange.request.fields
        for entry in fields.entries where fields.equals(entry.name, name) {
            head.fields.append(name: name, value: fields.copy(entry.value))
        }
    }

    /// The provider's span is a child of ours.
    private static func addTrace(_ head: inout RequestHead, _ exchange: Exchange) {
        let record = exchange.record
        let context = TraceContext(
            traceHigh: record.traceID.0, traceLow: record.traceID.1, span: record.spanID,
            flags: record.traceSampled ? TraceContext.sampled : 0)
        var value: [UInt8] = []
        context.append(to: &value)
        head.fields.append(.traceparent, value)
    }
}

extension RequestHead {
    /// The value of `content-type`; empty without one.
    var contentType: [UInt8] { fields.first(.contentType).map { fields.copy($0.value) } ?? [] }
}

extension CompiledProvider {
    /// An API that only the other dialect has is served by its counterpart.
    fileprivate func upstreamPath(_ endpoint: ModelEndpoint) -> [UInt8] {
        switch (endpoint, dialect) {
        case (.messages, .openai): ModelEndpoint.chatCompletions.upstreamPath(.openai)
        case (.chatCompletions, .anthropic), (.responses, .anthropic): ModelEndpoint.messages.upstreamPath(.anthropic)
        default: endpoint.upstreamPath(dialect)
        }
    }
}
