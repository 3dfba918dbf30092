package import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore
import Synchronization

/// What all rooms of tools of one gateway share, over reloads.
package final class MCPServices: Sendable {
    let live = LiveServers()
    let shelf = ToolShelf()
    let clients = LiveClients()
    let waiting = WaitingCalls()
    let seal: Seal
    /// Distinguishes this replica's ids from every other's.
    private let nonce: String
    private let counter = Atomic<UInt64>(0)

    package init(secret: Secret) {
        seal = Seal(secret: secret)
        nonce = String(UInt64.random(in: .min ... .max), radix: 36)
    }

    /// A JSON-RPC id of our own, as JSON.
    func nextID() -> [UInt8] {
        let number = counter.add(1, ordering: .relaxed).newValue
        return Array("\"\(nonce)-\(number)\"".utf8)
    }
}

/// What is kept about clients' sessions beyond their sealed ids: which have ended, and what is under way.
final class LiveClients: Sendable {
    private struct State {
        /// Sessions that a client has ended, by id, with when.
        var ended: [String: UInt64] = [:]
        /// The least severe message a session wants.
        var levels: [String: String] = [:]
        /// Requests under way, by session and the client's own id.
        var requests: [String: NIOLoopBound<ServerRequest>] = [:]
    }

    private let state = Mutex(State())
    static let endedMax = 100_000
    static let levelsMax = 100_000

    func end(_ session: String, now: UInt64) {
        state.withLock { state in
            if state.ended.count >= LiveClients.endedMax { state.ended.removeAll(keepingCapacity: true) }
            state.ended[session] = now
            state.levels[session] = nil
        }
    }

    func hasEnded(_ session: String) -> Bool { state.withLock { $0.ended[session] != nil } }

    func setLevel(_ level: String, _ session: String) {
        state.withLock { state in
            if state.levels.count >= LiveClients.levelsMax { state.levels.removeAll(keepingCapacity: true) }
            state.levels[session] = level
        }
    }

    func level(_ session: String) -> String? { state.withLock { $0.levels[session] } }

    /// A client that cancels names its request by its own id.
    func began(_ request: ServerRequest, _ session: String, id: [UInt8]) {
        let bound = NIOLoopBound(request, eventLoop: request.worker.eventLoop)
        state.withLock { $0.requests[LiveClients.key(session, id)] = bound }
    }

    func finished(_ session: String, id: [UInt8]) {
        state.withLock { $0.requests[LiveClients.key(session, id)] = nil }
    }

    /// Cancels, on the request's own loop.
    func cancel(_ session: String, id: [UInt8], reason: String?) {
        guard let bound = state.withLock({ $0.requests.removeValue(forKey: LiveClients.key(session, id)) }) else {
            return
        }
        bound.eventLoop.execute { bound.value.cancel(reason: reason) }
    }

    private static func key(_ session: String, _ id: [UInt8]) -> String {
        "\(session) \(String(decoding: id, as: UTF8.self))"
    }
}
