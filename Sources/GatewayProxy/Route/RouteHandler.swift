package import GatewayModel

/// The seam where a room takes over a request: one call per request, on the exchange's event loop, after *admit*.
///
/// The handler answers by the exchange's `respond`/`sendHead`/`sendBody`/`sendEnd`, at once or later on the same loop,
/// and may read the body by `exchange.receiveBody(into:)`. *settle* runs when the answer ends, however it ends.
package protocol RouteHandler: Sendable {
    func handle(_ exchange: Exchange)

    /// The body of an answer that says `error`, in the dialect of the room's clients, with its head in
    /// `exchange.response`; nil for the usual problem document. Also asked for what an earlier phase refuses.
    func errorBody(_ error: GatewayError, of exchange: Exchange) -> [UInt8]?
}

extension RouteHandler {
    package func errorBody(_ error: GatewayError, of exchange: Exchange) -> [UInt8]? { nil }
}
