import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore

/// A server that is a process is asked in the words of one with sessions.
extension ServerPost {
    func begin(
        _ process: StdioServer, _ method: GatewayWire.HTTPMethod, _ fields: [(name: String, value: [UInt8])],
        _ body: [UInt8]
    ) {
        let session = fields.first { $0.name == MCPName.session }.map { String(decoding: $0.value, as: UTF8.self) }
        guard method != .delete else {
            if let session { StdioExchange.end(session: session, at: process) }
            outcome = .whole(status: 200, isJSON: false, body: [])
            return finish()
        }
        let exchange = StdioExchange(process, on: worker.eventLoop)
        self.exchange = exchange
        exchange.onHead = { [self] status, session in
            self.status = status
            onHead?(status, session)
        }
        exchange.onMessage = { [self] message in
            guard message.count <= server.resultBytesMax else {
                self.exchange?.cancel()
                outcome = .failed(
                    GatewayError(
                        .upstreamProtocolError,
                        "the answer of the server is larger than \(server.resultBytesMax) bytes: \(server.shownName)"))
                return finish()
            }
            worker.refreshClock()
            onEvent?(Event(data: message, id: []))
        }
        exchange.onEnd = { [self] error in
            worker.refreshClock()
            if var error {
                error.message += ": \(server.shownName)"
                outcome = .failed(error)
            } else {
                outcome = status == 200 ? .streamEnded : .whole(status: status, isJSON: false, body: [])
            }
            finish()
        }
        if method == .get {
            exchange.follow(session: session ?? "")
        } else {
            exchange.post(body, session: session)
        }
    }
}
