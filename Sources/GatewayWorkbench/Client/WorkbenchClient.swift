package import NIOCore
import NIOPosix

/// The client of tests, scenarios and `sluice call`: one connection per call unless `connection(_:)` is kept.
package struct WorkbenchClient: Sendable {
    package var version: Destination.HTTPVersion
    /// Connects here, whatever the URL says.
    package var via: Address?
    package var tls: ClientTLS
    private let group: any EventLoopGroup

    package init(
        version: Destination.HTTPVersion = .automatic, via: Address? = nil, tls: ClientTLS = ClientTLS(),
        group: any EventLoopGroup = MultiThreadedEventLoopGroup.singleton
    ) {
        self.version = version
        self.via = via
        self.tls = tls
        self.group = group
    }

    /// Opens a connection for many requests to a URL's origin.
    package func connection(_ url: String) async throws -> ClientConnection {
        try await ClientConnection.open(destination(CallTarget(url)), on: group)
    }

    /// One request on its own connection, read to the end. The URL's path and query become the target.
    package func call(
        _ method: String = "GET", _ url: String, headers: [Header] = [], body: CallBody = .none,
        timeoutMilliseconds: Int = 30_000
    ) async throws -> CompletedResponse {
        let target = try CallTarget(url)
        var request = CallRequest(method, target.target, headers: headers, body: body)
        request.timeoutMilliseconds = timeoutMilliseconds
        let connection = try await ClientConnection.open(destination(target), on: group)
        do {
            let response = try await connection.run(request)
            await connection.close()
            return response
        } catch {
            await connection.close()
            throw error
        }
    }

    func destination(_ target: CallTarget) -> Destination {
        Destination(target, version: version, via: via, tls: tls)
    }
}
