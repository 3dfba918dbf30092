/// The HTTP/2 connections of one event loop to one endpoint.
struct MultiplexedPool {
    private var connections: [HTTP2ClientConnection] = []
    /// Streams at once on each; 0 means the gateway's bound.
    var streamsMax = 0 {
        didSet { for connection in connections { connection.streamsMax = streamsMax } }
    }

    var isEmpty: Bool { connections.isEmpty }
    var hasFreeStream: Bool { connections.contains { $0.freeStreams > 0 } }

    /// A stream on the first connection that has room.
    func openStream(for exchange: Exchange) -> HTTP2ClientStream? {
        for connection in connections where connection.freeStreams > 0 {
            if let stream = connection.openStream(for: exchange) { return stream }
        }
        return nil
    }

    mutating func add(_ connection: HTTP2ClientConnection) {
        connection.streamsMax = streamsMax
        connections.append(connection)
    }
    mutating func remove(_ connection: HTTP2ClientConnection) { connections.removeAll { $0 === connection } }

    func closeAll() {
        for connection in connections { connection.closeWhenIdle() }
    }
}
