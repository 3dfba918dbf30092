import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore

/// A server behind a channel, which is a process or an endpoint of 2024-11-05, is asked in the words of one with
/// sessions.
extension ServerPost {
    /// At a server of 2024-11-05 what names no session opens one.
    func beginAtPair(
        _ method: GatewayWire.HTTPMethod, _ fields: [(name: String, value: [UInt8])], _ body: [UInt8]
    ) {
        guard let id = ServerPost.session(fields) else {
            return begin(services.pairs.open(server, services, on: worker, owner: owner), method, fields, body)
        }
        if let known = services.pairs.session(id, now: worker.now) { return begin(known, method, fields, body) }
        // It was another replica's, or its stream has ended.
        status = 404
        onHead?(404, nil)
        outcome = .whole(status: 404, isJSON: false, body: [])
        finish()
    }

    static func session(_ fields: [(name: String, value: [UInt8])]) -> String? {
        fields.first { $0.name == MCPName.session }.map { String(decoding: $0.value, as: UTF8.self) }
    }

    func begin(
        _ channel: any MessageChannel, _ method: GatewayWire.HTTPMethod, _ fields: [(name: String, value: [UInt8])],
        _ body: [UInt8]
    ) {
        let session = ServerPost.session(fields)
        guard method != .delete else {
            if let session { ChannelExchange.end(session: session, at: channel) }
            outcome = .whole(status: 200, isJSON: false, body: [])
            return finish()
        }
        let exchange = ChannelExchange(channel, on: worker.eventLoop, owner: owner)
        self.exchange = exchange
        exchange.onHead = { [self] status, session in
            self.status = status
            onHead?(status, session)
        }
        exchange.onMessage = { [self] message in
            guard message.count <= server.resultBytesMax else { return channelTooLarge() }
            receivedBytes += message.count
            // What everybody shares is not held up by one who does not keep up.
            unheardBytes = canTakeMore?() ?? true ? 0 : unheardBytes + message.count
            guard unheardBytes <= server.resultBytesMax else { return channelTooLarge() }
            worker.refreshClock()
            onEvent?(Event(data: message, id: []))
        }
        exchange.onEnd = { [self] error in
            worker.refreshClock()
            if var error {
                if !error.message.hasSuffix(server.shownName) { error.message += ": \(server.shownName)" }
                outcome = .failed(error)
            } else {
                outcome = status == 200 ? .streamEnded : .whole(status: status, isJSON: false, body: [])
            }
            finish()
        }
        if method == .get {
            exchange.follow(session: session ?? "")
        } else {
            limitTime()
            exchange.post(body, session: session)
        }
    }

    private func channelTooLarge() {
        exchange?.cancel()
        outcome = .failed(
            GatewayError(
                .upstreamProtocolError,
                "the answer of the server is larger than \(server.resultBytesMax) bytes: \(server.shownName)"))
        finish()
    }

    /// On a channel nothing but this ends a request that is not answered.
    private func limitTime() {
        let most = server.rule.timeouts.totalNanoseconds
        guard most > 0 else { return }
        let timer = LoopTimer(on: worker)
        self.timer = timer
        timer.action = { [self] _ in
            exchange?.cancel()
            outcome = .failed(
                GatewayError(.upstreamTimeout, "the server has not answered in time: \(server.shownName)"))
            finish()
        }
        worker.refreshClock()
        timer.set(at: worker.now &+ most)
    }
}
