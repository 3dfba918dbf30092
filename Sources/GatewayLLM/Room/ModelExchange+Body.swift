import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore

/// Bodies on their way to providers: what is small goes at once, what is large piece by piece as the provider takes it.
extension ModelExchange {
    /// What the body's coding is read by; nil for one that came as it is.
    static func decoder(_ fields: borrowing FieldBlock) throws(GatewayError) -> BodyDecoder? {
        guard fields.first(.contentEncoding) != nil else { return nil }
        var coding: String?
        for entry in fields.entries where fields.equals(entry.name, contentEncoding) {
            let texts = fields.text(entry.value).lowercased().filter { $0 != " " && $0 != "\t" }.split(separator: ",")
            for text in texts where text != "identity" {
                guard coding == nil else { throw unsupported("several") }
                coding = String(text)
            }
        }
        guard let coding else { return nil }
        guard let decoder = try BodyDecoder.make(coding) else { throw unsupported("\(coding.prefix(32))") }
        return decoder
    }

    private static let contentEncoding = Array("content-encoding".utf8)

    private static func unsupported(_ coding: String) -> GatewayError {
        GatewayError(
            .unsupportedMediaType, "a body of this content-encoding cannot be read here: \(coding)",
            hint: "send it as it is, or as one of \(BodyDecoder.accepted)")
    }

    /// What an attempt sends.
    enum Payload {
        case bytes([ByteBuffer])
        /// The client's body, with edits.
        case stored(BodySender)
        /// A translation that is too large to wait in memory.
        case translated(RequestBody)
    }

    /// The client's body with edits, of which nothing must be looked at.
    func payload(_ edits: [JSONSplice.Edit] = []) throws(GatewayError) -> Payload {
        guard body.isSpilled || !isWhole || !edits.isEmpty else {
            return .bytes(body.count > 0 ? [try body.whole()] : [])
        }
        return .stored(BodySender(edits: edits))
    }

    /// A body that was made anew.
    func payload(_ bytes: [UInt8]) throws(GatewayError) -> Payload {
        guard bytes.count > RequestBody.memoryBytesMax else { return .bytes([ByteBuffer(bytes: bytes)]) }
        var made = RequestBody()
        try made.append(ByteBuffer(bytes: bytes), spill: room.services.spill)
        return .translated(made)
    }

    /// Makes the payload what is sent next; what the head says of it, and the bytes that go with the head.
    func load(_ payload: consuming Payload, _ exchange: Exchange) -> (framing: BodyFraming, bytes: [ByteBuffer]) {
        (sender, sentBody, mayPump) = (nil, nil, true)
        switch consume payload {
        case .bytes(let chunks):
            let count = chunks.reduce(0) { $0 + $1.readableBytes }
            isPumped = false
            return (count == 0 && exchange.request.framing == .none ? .none : .length(UInt64(count)), chunks)
        case .stored(let stored):
            sender = stored
            isPumped = true
            if isWhole { return (.length(UInt64(body.count + stored.growth)), []) }
            guard !isDecoded, case .length(let length) = exchange.request.framing else { return (.chunked, []) }
            return (.length(UInt64(Int(clamping: length) + stored.growth)), [])
        case .translated(let made):
            sender = BodySender()
            sentBody = made
            isPumped = true
            return (.length(UInt64(made.count)), [])
        }
    }

    /// Sends what there is while the provider takes it.
    func pump() {
        guard !isPumping else { return }
        isPumping = true
        // An attempt may fail while it is sent to, and the next one begin.
        var number = 0
        while sender != nil, number != totalAttempts {
            number = totalAttempts
            pump(attempt: number)
        }
        isPumping = false
    }

    private func pump(attempt number: Int) {
        do throws(GatewayError) {
            while mayPump, attempt != nil, totalAttempts == number, let piece = try sender?.next(of: sentBody ?? body) {
                lastByteNanoseconds = worker.now
                call.send(piece)
            }
        } catch { return giveUp(ModelFailure(error)) }
        guard attempt != nil, totalAttempts == number else { return }
        guard isWhole, mayPump else { return call.flush() }
        sender = nil
        call.sendEnd()
    }

    /// Whether the attempt has all of the body that has come, and waits for the client to send more.
    var waitsForClient: Bool { sender != nil && !isWhole && mayPump }

    func setRequestReading(_ isReading: Bool) {
        guard isReading != mayPump else { return }
        mayPump = isReading
        guard isReading, sender != nil else { return }
        // The exchange that says so is in the middle of something.
        worker.eventLoop.assumeIsolated().execute { [self] in
            worker.refreshClock()
            pump()
        }
    }
}
