import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayWire

/// The heads of requests to providers. A caller's own fields stay behind but for those the operator listed.
enum ModelFields {
    private static let userAgent = Array("sluice".utf8)
    static let json = Array("application/json".utf8)
    private static let beta = Array("anthropic-beta".utf8)
    /// The version a provider is asked for when the client names none.
    private static let version = Array("2023-06-01".utf8)

    /// Writes the head into `head`, which is empty. Returns what of `anthropic-beta` was not sent on.
    static func write(
        _ head: inout RequestHead, _ exchange: Exchange, _ endpoint: ModelEndpoint, to routed: RoutedTarget,
        _ credential: CompiledCredential?, framing: BodyFraming, query: [UInt8]
    ) -> [String] {
        let provider = routed.target.provider
        if let index = endpoint.usualIndex, query.isEmpty, framing != .none {
            routed.heads[index].write(to: &head)
        } else {
            let target = target(endpoint, provider, query)
            let name = exchange.request.fields.copy(exchange.request.methodName)
            write(
                &head, method: exchange.request.method, name: name, target.bytes, pathCount: target.pathCount, provider)
            if framing != .none { addContentType(&head, exchange, endpoint) }
        }
        head.framing = framing
        if let credential, let value = credential.value {
            value.reveal { head.fields.append(credential.label, $0.span) }
        }
        var dropped: [String] = []
        if provider.dialect == .anthropic {
            addVersion(&head, exchange, endpoint, provider, credential?.beta, dropped: &dropped)
        }
        for name in provider.forwardedFields { forward(name, from: exchange, to: &head) }
        addTrace(&head, exchange.record.traceID, exchange.record.spanID, isSampled: exchange.record.traceSampled)
        return dropped
    }

    /// What is the same in every request to a provider, but for its target.
    static func write(
        _ head: inout RequestHead, method: GatewayWire.HTTPMethod, name: [UInt8], _ target: [UInt8], pathCount: Int,
        _ provider: CompiledProvider
    ) {
        head.method = method
        head.methodName = head.fields.store(name)
        head.target = head.fields.store(target)
        head.path = Slice(start: Int(head.target.start), count: pathCount)
        if target.count > pathCount {
            head.query = Slice(start: Int(head.target.start) + pathCount + 1, count: target.count - pathCount - 1)
        }
        head.authority = head.fields.store(provider.authority)
        head.fields.append(.userAgent, userAgent)
        for field in provider.fields { head.fields.append(name: field.name, value: field.value) }
    }

    static func target(
        _ endpoint: ModelEndpoint, _ provider: CompiledProvider, _ query: [UInt8]
    ) -> (bytes: [UInt8], pathCount: Int) {
        var target = provider.pathPrefix
        target.append(contentsOf: provider.upstreamPath(endpoint))
        let pathCount = target.count
        for part in [provider.query, query] where !part.isEmpty {
            target.append(target.count == pathCount ? 0x3F : 0x26)
            target.append(contentsOf: part)
        }
        return (target, pathCount)
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
        _ head: inout RequestHead, _ exchange: Exchange, _ endpoint: ModelEndpoint, _ provider: CompiledProvider,
        _ own: [UInt8]?, dropped: inout [String]
    ) {
        let fields = exchange.request.fields
        let asked = endpoint.isNative(to: .anthropic) ? fields.firstIndex(named: ModelEndpoint.anthropicVersion) : nil
        head.fields.append(
            name: ModelEndpoint.anthropicVersion, value: asked.map { fields.copy(fields.entries[$0].value) } ?? version)
        var sent = own ?? []
        defer { if !sent.isEmpty { head.fields.append(name: beta, value: sent) } }
        guard endpoint.isNative(to: .anthropic) else { return }
        for entry in fields.entries where fields.equals(entry.name, beta) {
            for word in fields.copy(entry.value).split(separator: 0x2C) {
                let value = trimmed(word)
                guard !value.isEmpty else { continue }
                guard provider.betas.map({ $0.contains { $0.matches(value.span) } }) ?? true else {
                    dropped.append(String(decoding: value.prefix(64), as: UTF8.self))
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
    private static func addTrace(
        _ head: inout RequestHead, _ trace: (UInt64, UInt64), _ span: UInt64, isSampled: Bool
    ) {
        let context = TraceContext(
            traceHigh: trace.0, traceLow: trace.1, span: span, flags: isSampled ? TraceContext.sampled : 0)
        head.fields.append(traceparent, bytesMax: TraceContext.bytesCount) { context.write(to: &$0) }
    }

    private static let traceparent = FieldLabel("traceparent")
}

/// The head of the usual requests to a provider, made once: all but the credential and what a call brings along.
final class PreparedHead: Sendable {
    private let head: RequestHead

    init(_ endpoint: ModelEndpoint, _ provider: CompiledProvider) {
        var head = RequestHead()
        let target = ModelFields.target(endpoint, provider, [])
        ModelFields.write(
            &head, method: .post, name: Array("POST".utf8), target.bytes, pathCount: target.pathCount, provider)
        head.fields.append(.contentType, ModelFields.json)
        self.head = head
    }

    func write(to other: inout RequestHead) {
        let shift = other.fields.append(all: head.fields)
        other.method = head.method
        other.methodName = head.methodName.shifted(by: shift)
        other.target = head.target.shifted(by: shift)
        other.path = head.path.shifted(by: shift)
        if !head.query.isEmpty { other.query = head.query.shifted(by: shift) }
        other.authority = head.authority.shifted(by: shift)
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
