import GatewayModel
import NIOCore

extension ModelProviderMock {
    /// Answers a call that generates text.
    func generate(_ call: ModelCall, _ visit: ModelVisit) -> [MockStep] {
        let output = ModelOutput.made(for: call, seed: options.seed, number: UInt64(visit.entry.number))
        var reply = ModelReply(call: call, output: output, token: visit.token, created: visit.created)
        reply.tellsUsage = visit.directive["fault"] != "no-usage" && visit.directive["usage"] != "none"
        var entry = visit.entry
        entry.status = 200
        let meter = ModelMeter(ledger: ledger, entry: entry) { call.usage(output: $0, reasoning: $1) }
        if call.operation == .response { shelf.keep(reply) }
        if call.stream { return visit.delays + stream(reply, visit, meter) }
        return visit.delays + whole(reply, visit, meter)
    }

    // MARK: one piece

    private func whole(_ reply: ModelReply, _ visit: ModelVisit, _ meter: ModelMeter) -> [MockStep] {
        let output = reply.output
        var document = reply.document
        if reply.call.operation == .response, reply.call.body["background"] == true {
            document = reply.responseDocument(status: "queued")
        }
        return deliver(document, visit, meter) { isTold in
            meter.said(
                output: output.visibleTokens, reasoning: output.reasoningTokens, told: isTold && reply.tellsUsage)
        }
    }

    /// Sends a document, or what the fault leaves of it; `said` is called once, just before.
    func deliver(
        _ document: JSONDocument, _ visit: ModelVisit, _ meter: ModelMeter,
        said: @escaping @Sendable (_ isTold: Bool) -> Void
    ) -> [MockStep] {
        var bytes = document.bytes
        let fault = visit.directive["fault"].flatMap(MockModelFault.Name.init(rawValue:))
        if fault == .malformed { bytes = Array("{\"id\": \"\(visit.token)\", \"choices\": [}".utf8) }
        if fault == .truncated { bytes.removeLast(bytes.count / 2) }
        let isWhole = fault != .malformed && fault != .truncated
        var head: [MockStep] = [.head(200, visit.headers(type: "application/json", length: bytes.count))]
        head += firstByte(visit, fault)
        switch fault {
        case .errorEvent: return refuse(visit, ModelError.asked(500))
        case .reset, .close, .stall:
            let half = ByteBuffer(bytes: bytes.prefix(bytes.count / 2))
            let cut: MockStep = .settle { _ in
                said(false)
                meter.settle(.aborted)
            }
            return [cut] + head + [.chunk(half)] + end(by: fault)
        default: break
        }
        let settle: MockStep = .settle { isReached in
            guard isReached else { return meter.settle(.cancelled) }
            said(isWhole)
            meter.settle(.untold)
        }
        let body: [MockStep]
        if let size = visit.directive.number("chunk"), size > 0 {
            let pieces = stride(from: 0, to: bytes.count, by: size).map {
                ByteBuffer(bytes: bytes[$0..<min($0 + size, bytes.count)])
            }
            let interval = visit.directive.milliseconds("interval") ?? 0
            body = [.stream(count: pieces.count, intervalMilliseconds: interval) { pieces[$0] }]
        } else {
            body = [.chunk(ByteBuffer(bytes: bytes))]
        }
        return [settle] + head + body + [.end([])]
    }

    private func firstByte(_ visit: ModelVisit, _ fault: MockModelFault.Name?) -> [MockStep] {
        if let pause = visit.directive.milliseconds("first-byte") { return [.wait(milliseconds: pause)] }
        return fault == .slow ? [.wait(milliseconds: 1_000)] : []
    }

    /// How an answer breaks off. A peer has to have read what was sent before a reset throws it away.
    private func end(by fault: MockModelFault.Name?) -> [MockStep] {
        switch fault {
        case .reset: [.wait(milliseconds: 20), .reset]
        case .close: [.close]
        case .stall: [.hang]
        default: []
        }
    }

    // MARK: a stream

    private func stream(_ reply: ModelReply, _ visit: ModelVisit, _ meter: ModelMeter) -> [MockStep] {
        let fault = visit.directive["fault"].flatMap(MockModelFault.Name.init(rawValue:))
        var events = reply.events
        if fault == .malformed {
            events[events.count / 2].bytes = Array("data: {\"id\": \"\(visit.token)\", \"choices\": [}\n\n".utf8)
        }
        var pieces = ModelStream.pieces(events, size: visit.directive.number("chunk") ?? 0)
        let breaks: Set<MockModelFault.Name> = [.reset, .close, .stall, .errorEvent, .truncated]
        let isBroken = fault.map(breaks.contains) ?? false
        if isBroken {
            var count = min(visit.directive.number("after") ?? max(1, pieces.count / 2), pieces.count - 1)
            // Where usage is told each time, up to where it was told.
            while reply.tellsUsageEachTime, count > 0, count < pieces.count - 1, !pieces[count - 1].tells { count += 1 }
            pieces.removeLast(pieces.count - count)
            if fault == .truncated, var last = pieces.popLast() {
                last.bytes.removeLast(last.bytes.count / 2)
                last.tells = false
                pieces.append(last)
            }
        }
        let sent = pieces
        let interval = visit.directive.milliseconds("interval") ?? 0
        let make: @Sendable (Int) -> ByteBuffer = { index in
            let piece = sent[index]
            meter.said(output: piece.output, reasoning: piece.reasoning, told: piece.tells)
            // The last piece settles before it is sent, so that a reader of both sides finds them equal.
            if index == sent.count - 1 { meter.settle(isBroken ? .aborted : .untold) }
            return ByteBuffer(bytes: piece.bytes)
        }
        var steps: [MockStep] = [.head(200, visit.headers(type: "text/event-stream; charset=utf-8", length: nil))]
        steps += firstByte(visit, fault)
        steps.append(.stream(count: sent.count, intervalMilliseconds: interval, make: make))
        steps.append(.settle { isReached in meter.settle(isReached && isBroken ? .aborted : .cancelled) })
        if fault == .errorEvent { steps.append(.chunk(ByteBuffer(bytes: reply.errorEvent.bytes))) }
        let cut = end(by: fault)
        return steps + (cut.isEmpty ? [.end([])] : cut)
    }
}

/// The bytes of a stream as they are written.
enum ModelStream {
    /// An event each, or so many bytes each wherever that cuts. A piece has said what the events that ended in it said.
    static func pieces(_ events: [ModelEvent], size: Int) -> [ModelEvent] {
        guard size > 0 else { return events }
        var pieces: [ModelEvent] = []
        var piece = ModelEvent(bytes: [])
        for event in events {
            for (index, byte) in event.bytes.enumerated() {
                piece.bytes.append(byte)
                if index == event.bytes.count - 1 {
                    (piece.output, piece.reasoning, piece.tells) = (event.output, event.reasoning, event.tells)
                }
                if piece.bytes.count == size {
                    pieces.append(piece)
                    piece.bytes = []
                }
            }
        }
        if !piece.bytes.isEmpty { pieces.append(piece) }
        return pieces
    }
}
