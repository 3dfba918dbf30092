package import GatewayModel
import GatewayRecords
package import GatewayWire
package import NIOCore

/// What the upstream tells the exchange, and answers of our own.
extension Exchange {
    // MARK: From the upstream

    /// A 1xx head in `response`; another one follows.
    func upstreamInterim() {
        guard state == .awaiting else { return }
        attempt.lastProgressNanoseconds = worker.now
        response.fields.removeOwnSetCookies()
        if request.version != .http10 { downstream.sendInterim(response) }
    }

    /// The final head, in `response`. Returns false when the exchange has no use for the rest of the response.
    func upstreamHead() -> Bool {
        guard state == .awaiting else { return false }
        if hedge != nil || hedgeOf != nil, let outcome = settleRace() { return outcome }
        traced?.enter("answer")
        traced?.note("status \(response.status)")
        attempt.lastProgressNanoseconds = worker.now
        record.upstreamFirstByteNanoseconds = worker.now
        // An earlier attempt may have ended otherwise.
        record.outcome = .completed
        reportAnswer()
        if response.status == 101 { return beginTunnel() }
        if mayRetry(status: response.status) {
            upstream.cancel()
            upstream = .none
            retry(isFree: false)
            return false
        }
        state = .responding
        held.forget()
        armTimers()
        considerStoring()
        finishResponseHead()
        compressResponse()
        let framing: BodyFraming = responseTransform.isNone ? response.framing : .chunked
        record.status = response.status
        downstream.sendHead(&response, framing: framing)
        return true
    }

    /// Body bytes of the response.
    func upstreamBody(_ bytes: ByteBuffer) {
        guard state == .responding || state == .tunnel else { return }
        attempt.lastProgressNanoseconds = worker.now
        record.responseBytes &+= UInt64(bytes.readableBytes)
        if let cachePlan { cachePlan.gather(bytes) }
        if responseTransform.isNone {
            downstream.sendBody(bytes)
        } else {
            responseTransform.apply(bytes, to: downstream.sendBody)
        }
        if !downstream.isWritable { upstream.setReading(false) }
    }

    /// The response is whole; the upstream side has let go.
    func upstreamEnd(trailers: FieldBlock?) {
        guard state == .responding || state == .tunnel else { return }
        upstream = .none
        if state == .tunnel {
            record.outcome = .upgraded
            // An HTTP/1 connection ends with its tunnel; a stream has to be told.
            if case .http2 = downstream { downstream.sendEnd(trailers: nil) }
        } else {
            responseTransform.finish(to: downstream.sendBody)
            finishStoring(trailers: trailers)
            downstream.sendEnd(trailers: trailers)
        }
        settle()
    }

    /// A tunnel's backend will send no more; the other direction stays open.
    func upstreamHalfClosed() {
        guard state == .tunnel else { return }
        downstream.sendEnd(trailers: nil)
        downstream.flush()
    }

    private func reportAnswer() {
        guard let endpoint = attempt.endpoint, let backend = attempt.backend else { return }
        worker.shared.directory.report(status: response.status, endpoint: endpoint, of: backend, now: worker.now)
    }

    private func beginTunnel() -> Bool {
        state = .tunnel
        worker.recorder.metrics.change(.tunnelsActive, by: 1)
        held.forget()
        record.status = 101
        record.outcome = .upgraded
        receiver = .upstream
        response.fields.removeOwnSetCookies()
        downstream.sendHead(&response, framing: .none)
        downstream.becomeTunnel()
        armTimers()
        return true
    }

    // MARK: Answers of our own

    /// Sends a whole answer.
    package func respond(status: Int, fields: [(String, String)] = [], body: [UInt8] = []) {
        response.reset()
        response.status = status
        for (name, value) in fields { response.fields.append(name, value) }
        respond(body: body)
    }

    /// Sends `response`'s head and this body as the whole answer.
    package func respond(body: [UInt8]) {
        let worker = worker
        var buffer = worker.takeBuffer()
        buffer.writeBytes(body)
        respond(body: buffer)
        worker.giveBack(buffer)
    }

    /// Sends `response`'s head and this body as the whole answer.
    package func respond(body: ByteBuffer) {
        guard state != .responding, state != .tunnel, state != .settled, state != .idle else { return }
        state = .responding
        record.status = response.status
        finishOwnHead()
        let isBodyless = response.status == 204 || response.status == 304
        let isHead = request.method == .head
        if isBodyless {
            downstream.sendHead(&response, framing: .none)
        } else {
            downstream.sendHead(&response, framing: .length(UInt64(body.readableBytes)))
            if !isHead, body.readableBytes > 0 {
                record.responseBytes = UInt64(body.readableBytes)
                downstream.sendBody(body)
            }
        }
        downstream.sendEnd(trailers: nil)
        downstream.flush()
        settle()
    }

    /// Begins a streamed answer with the head in `response`; `sendBody` and `sendEnd` follow.
    package func sendHead(framing: BodyFraming) {
        guard state == .answering else { return }
        state = .responding
        record.status = response.status
        finishOwnHead()
        downstream.sendHead(&response, framing: framing)
        downstream.flush()
    }

    /// Gathers bytes of a streamed answer; they leave at `flush`.
    package func sendBody(_ bytes: ByteBuffer) {
        guard state == .responding else { return }
        record.responseBytes &+= UInt64(bytes.readableBytes)
        downstream.sendBody(bytes)
    }

    package func flush() { downstream.flush() }

    /// Whether the client keeps up; when it turns true again the body's reader hears `downstreamWritable`.
    package var isDownstreamWritable: Bool { downstream.isWritable }

    /// Stops (or starts again) taking the request's body.
    package func setRequestReading(_ isReading: Bool) { downstream.setReading(isReading) }

    /// Breaks a streamed answer off: it cannot be finished.
    package func breakOff(_ error: GatewayError) {
        guard state == .responding else { return }
        fail(error)
    }

    package func sendEnd() {
        guard state == .responding else { return }
        downstream.sendEnd(trailers: nil)
        downstream.flush()
        settle()
    }

    /// Hands the request's body to a room, from here on.
    package func receiveBody(into reader: any BodyReader) {
        receiver = .room(reader)
        if request.expectsContinue { downstream.sendContinue() }
        for chunk in held.take() {
            reader.receive(chunk)
            // It may have refused, and the exchange may serve another request by now.
            guard case .room(let current) = receiver, current === reader else { return }
        }
        if requestEnded { reader.receiveEnd(trailers: requestTrailers) }
    }

    /// Refuses in the *decide* sense: the request was understood and will not be served.
    package func refuse(_ error: GatewayError) {
        record.outcome = .refused
        fail(error)
    }

    /// Answers with an error, or breaks off when the response has begun.
    func fail(_ error: GatewayError) {
        record.errorCode = error.code
        if record.outcome == .completed { record.outcome = .upstreamFailed }
        if case .call(let call) = downstream {
            if isPart, record.status == 0 { record.status = error.code.httpStatus }
            call.failed(error)
            return settle()
        }
        guard state != .responding, state != .tunnel else {
            downstream.reset()
            return settle()
        }
        let retryAfter = response.fields.first(.retryAfter).map { response.fields.copy($0.value) }
        response.reset()
        let body =
            errorBodyOfRoom(error)
            ?? ErrorBody.render(error, requestID: record.requestID, request: request, into: &response)
        if let retryAfter { response.fields.append(.retryAfter, retryAfter) }
        challenge(error)
        // Refused before a route was looked for: these are what a route may be asked with.
        if error.code == .methodNotAllowed, rule == nil { response.fields.append(.allow, Exchange.allowed) }
        respond(body: body)
    }

    /// A room's clients expect errors in their own dialect, from whichever phase they come.
    private func errorBodyOfRoom(_ error: GatewayError) -> [UInt8]? {
        guard case .room(let room) = rule?.action else { return nil }
        return room.errorBody(error, of: self)
    }

    private func respond(fixed: DirectResponse) {
        response.reset()
        response.status = fixed.status
        for field in fixed.headers { response.fields.append(name: field.name, value: field.value) }
        respond(body: fixed.body)
    }

    func respond(_ fixed: DirectResponse) { respond(fixed: fixed) }
}
