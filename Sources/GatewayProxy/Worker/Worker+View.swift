/// What one event loop holds at a moment; for `/debug`.
package struct WorkerView: Sendable {
    package struct Connection: Sendable {
        package var client: String
        package var port: Int
        package var isTLS: Bool
        package var proto: String
    }

    /// The connections to one endpoint.
    package struct Pool: Sendable {
        package var endpoint: String
        package var open: Int
        package var idle: Int
        package var connecting: Int
        package var waiting: Int
    }

    package var connections: [Connection] = []
    /// With those whose handshake is not over.
    package var connectionCount = 0
    package var pools: [Pool] = []
    package var isDraining = false

    package init() {}
}

extension Worker {
    /// Looks at this loop, at not more than `connectionsMax` connections. On the loop.
    package func view(connectionsMax: Int) -> WorkerView {
        var view = WorkerView()
        view.isDraining = isDraining
        view.connectionCount = acceptedCount
        for connection in connections.values.prefix(connectionsMax) {
            let (client, proto) =
                switch connection {
                case let http1 as HTTP1ServerConnection: (http1.client.address, "http/1.1")
                case let http2 as HTTP2ServerConnection: (http2.client.address, "h2")
                default: ("", "")
                }
            view.connections.append(
                WorkerView.Connection(
                    client: client, port: connection.port.number, isTLS: connection.port.isTLS, proto: proto))
        }
        view.pools = pools.views
        return view
    }
}
