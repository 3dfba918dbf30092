package import GatewayModel
package import GatewayProxy
import GatewayRecords
import GatewayWire
import NIOCore

/// A request as code off the request path sees it: whole, bounded, copied.
package struct RoomRequest: Sendable {
    package var method: String
    package var path: String
    package var query: String
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]
    /// SHA-256 of the client's certificate in hexadecimal, if it showed one that is believed.
    package var certificateFingerprint: String?
    /// The client's address, `unix` for a process on this machine.
    package var source = ""
    /// The process at the other end of a unix socket.
    package var localPeer: LocalPeer?
    package var requestID: (UInt64, UInt64) = (0, 0)

    /// The first value of a field, by lower-case name.
    package func field(_ name: String) -> String? { fields.first { $0.name == name }?.value }
}

/// Its answer.
package struct RoomResponse: Sendable {
    package enum Body: Sendable {
        case bytes([UInt8])
        /// Sent as it comes, and asked for no faster than the client reads; ends with the stream, or when the client
        /// goes.
        case stream(AsyncStream<[UInt8]>)
    }
    package var status: Int
    package var fields: [(name: String, value: String)]
    package var body: Body

    package init(status: Int, fields: [(name: String, value: String)] = [], body: Body) {
        self.status = status
        self.fields = fields
        self.body = body
    }
}

/// Serves requests by an async function: for the admin API and telemetry, where a task per request costs nothing that
/// matters. The body is collected first, up to a bound.
package struct AsyncRoom: RouteHandler {
    private let bodyBytesMax: Int
    private let respond: @Sendable (RoomRequest) async -> RoomResponse

    package init(bodyBytesMax: Int, respond: @escaping @Sendable (RoomRequest) async -> RoomResponse) {
        self.bodyBytesMax = bodyBytesMax
        self.respond = respond
    }

    package func handle(_ exchange: Exchange) {
        exchange.receiveBody(into: AsyncExchange(exchange, bodyBytesMax: bodyBytesMax, respond: respond))
    }
}

/// One request of an `AsyncRoom`: collects the body on the loop, awaits the answer elsewhere, sends it on the loop.
private final class AsyncExchange: BodyReader {
    private var exchange: Exchange?
    private let eventLoop: any EventLoop
    private let bodyBytesMax: Int
    private let respond: @Sendable (RoomRequest) async -> RoomResponse
    private var body: [UInt8] = []
    private var task: Task<Void, Never>?
    /// The producer of a stream, until the client reads again.
    private var paused: CheckedContinuation<Void, Never>?

    init(
        _ exchange: Exchange, bodyBytesMax: Int, respond: @escaping @Sendable (RoomRequest) async -> RoomResponse
    ) {
        self.exchange = exchange
        eventLoop = exchange.worker.eventLoop
        self.bodyBytesMax = bodyBytesMax
        self.respond = respond
    }

    func receive(_ bytes: ByteBuffer) {
        guard body.count + bytes.readableBytes <= bodyBytesMax else {
            exchange?.refuse(
                GatewayError(.bodyTooLarge, "the request body is larger than \(bodyBytesMax) bytes"))
            exchange = nil
            return
        }
        body.append(contentsOf: bytes.readableBytesView)
    }

    func receiveEnd(trailers: FieldBlock?) {
        guard let exchange else { return }
        var request = RoomRequest(exchange.request, body: body)
        request.certificateFingerprint = exchange.client.certificate?.fingerprint
        request.source = exchange.record.clientAddress
        request.localPeer = exchange.client.localPeer
        request.requestID = exchange.record.requestID
        let whole = request
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        let eventLoop = eventLoop
        let respond = respond
        task = Task {
            let response = await respond(whole)
            switch response.body {
            case .bytes(let bytes):
                eventLoop.execute { bound.value.send(response, bytes) }
            case .stream(let stream):
                eventLoop.execute { bound.value.begin(response) }
                for await chunk in stream {
                    if Task.isCancelled { break }
                    await withCheckedContinuation { sent in
                        eventLoop.execute { bound.value.send(chunk, sent) }
                    }
                }
                eventLoop.execute { bound.value.end() }
            }
        }
    }

    func downstreamWritable() { paused.take()?.resume() }

    func ended() {
        exchange = nil
        task?.cancel()
        paused.take()?.resume()
    }

    private func send(_ response: RoomResponse, _ bytes: [UInt8]) {
        exchange?.respond(status: response.status, fields: response.fields, body: bytes)
        exchange = nil
    }

    private func begin(_ response: RoomResponse) {
        guard let exchange else { return }
        exchange.response.reset()
        exchange.response.status = response.status
        for (name, value) in response.fields { exchange.response.fields.append(name, value) }
        exchange.sendHead(framing: .chunked)
    }

    /// Resumes `sent` when there is room for more.
    private func send(_ chunk: [UInt8], _ sent: CheckedContinuation<Void, Never>) {
        exchange?.sendBody(ByteBuffer(bytes: chunk))
        exchange?.flush()
        // What breaks the connection ends the exchange while it sends.
        if let exchange, !exchange.isDownstreamWritable { paused = sent } else { sent.resume() }
    }

    private func end() {
        exchange?.sendEnd()
        exchange = nil
    }
}

extension RoomRequest {
    fileprivate init(_ head: borrowing RequestHead, body: [UInt8]) {
        method = head.fields.text(head.methodName)
        path = head.fields.text(head.path)
        query = head.fields.text(head.query)
        var fields: [(name: String, value: String)] = []
        for entry in head.fields.entries {
            fields.append((head.fields.text(entry.name), head.fields.text(entry.value)))
        }
        self.fields = fields
        self.body = body
        certificateFingerprint = nil
    }
}
