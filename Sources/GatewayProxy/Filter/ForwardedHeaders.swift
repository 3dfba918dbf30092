import GatewayRecords
import GatewayWire

/// What a request says about where it came from, and what our own edits make of its head.
extension Exchange {
    private static let forwardedNames: [FieldName] = [
        .forwarded, .xForwardedFor, .xForwardedHost, .xForwardedProto, .xForwardedPort, .xRealIP,
    ]

    /// Makes the request what the backend will see. Runs once; every attempt sends the same head.
    func prepareRequest() {
        removeLookalikes()
        if !client.isTrusted, let lines = client.hopLines, request.fields.names & HopLines.names == 0 {
            lines.append(to: &request, HopLines.Names(trace: traceContext, requestID: record.requestID))
        } else {
            writeForwarded()
            writeTraceContext()
        }
        guard let rule else { return }
        if !rule.requestEdits.isEmpty { rule.requestEdits.apply(to: &request.fields) }
        if let choice = attempt.choice, !choice.requestEdits.isEmpty {
            choice.requestEdits.apply(to: &request.fields)
        }
        request.fields.removeOwnCookies()
        if let rewrite = attempt.choice?.rewrite ?? rule.rewrite { apply(rewrite) }
        if request.authority.isEmpty { nameTheBackend() }
    }

    /// Names that we set, remove or keep from backends, and that a backend may read with underscores.
    private static let guardedNames: [[UInt8]] =
        [
            .xForwardedFor, .xForwardedHost, .xForwardedProto, .xForwardedPort, .xRealIP, .xRequestID, .xAPIKey,
            .proxyAuthorization, .contentLength, .transferEncoding,
        ].map { (name: FieldName) in FieldName.names[Int(name.rawValue)] } + [Array("x-goog-api-key".utf8)]

    /// Before anything is set, so that what the configuration itself says stays, whatever it is called.
    private func removeLookalikes() {
        let isSuspect = request.fields.hasUnderscoredName
        let before = request.fields.count
        if isSuspect { for name in Exchange.guardedNames { request.fields.removeLookalikes(of: name) } }
        rule?.requestEdits.removeLookalikes(from: &request.fields, isSuspect: isSuspect)
        attempt.choice?.requestEdits.removeLookalikes(from: &request.fields, isSuspect: isSuspect)
        let count = before - request.fields.count
        if count > 0 { traced?.note("\(count) removed of fields that look like the gateway's own") }
    }

    /// HTTP/1.0 clients need not say whom they want; HTTP/1.1 backends must be told.
    private func nameTheBackend() {
        guard let endpoint = attempt.backend?.endpoints.first else { return }
        request.authority = request.fields.store(Array("\(endpoint.host):\(endpoint.port)".utf8))
    }

    /// Only a trusted peer is believed; for anyone else the fields start anew.
    private func writeForwarded() {
        if let peer = client.ip {
            let port = UInt16(truncatingIfNeeded: client.port.number)
            ForwardedFields(trust: ForwardedTrust(hops: client.isTrusted ? 1 : 0))
                .rewrite(&request, peer: peer, isTLS: client.port.isTLS, localPort: port)
        } else if !client.isTrusted {
            // A unix socket: nobody to name, and nobody to believe.
            for name in Exchange.forwardedNames { request.fields.remove(name) }
        }
    }

    /// Our own name for the request and the trace it belongs to.
    func adoptTraceContext(isOffered: Bool, _ recorder: LoopRecorder) {
        if isOffered, let entry = request.fields.first(.traceparent),
            let context = request.fields.traceContext(entry.value)
        {
            record.traceID = (context.traceHigh, context.traceLow)
            record.parentSpanID = context.span
            record.traceSampled = context.isSampled
        } else {
            record.traceID = recorder.nextIdentifier128()
            record.traceSampled = recorder.samples(record.traceID)
        }
        record.spanID = recorder.nextIdentifier64()
    }

    private var traceContext: TraceContext {
        TraceContext(
            traceHigh: record.traceID.0, traceLow: record.traceID.1, span: record.spanID,
            flags: record.traceSampled ? TraceContext.sampled : 0)
    }

    private func writeTraceContext() {
        let context = traceContext
        let start = request.fields.bytes.count
        context.append(to: &request.fields.bytes)
        let value = Slice(start: start, count: request.fields.bytes.count - start)
        if let index = request.fields.entries.firstIndex(where: { $0.known == .traceparent }) {
            request.fields.entries[index].value = value
        } else {
            let name = request.fields.store(FieldName.names[Int(FieldName.traceparent.rawValue)])
            request.fields.entries.append(FieldBlock.Entry(name: name, value: value, known: .traceparent))
        }
        writeRequestID()
    }

    private func writeRequestID() {
        let start = request.fields.bytes.count
        TraceContext.append(hex: record.requestID.0, digits: 16, to: &request.fields.bytes)
        TraceContext.append(hex: record.requestID.1, digits: 16, to: &request.fields.bytes)
        let value = Slice(start: start, count: request.fields.bytes.count - start)
        if let index = request.fields.entries.firstIndex(where: { $0.known == .xRequestID }) {
            if client.isTrusted { return }
            request.fields.entries[index].value = value
        } else {
            let name = request.fields.store(FieldName.names[Int(FieldName.xRequestID.rawValue)])
            request.fields.entries.append(FieldBlock.Entry(name: name, value: value, known: .xRequestID))
        }
    }
}

extension FieldBlock {
    /// The trace a `traceparent` value names.
    fileprivate func traceContext(_ value: Slice) -> TraceContext? {
        TraceContext(traceparent: bytes.span.extracting(value.range))
    }
}
