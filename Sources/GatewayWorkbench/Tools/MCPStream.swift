import NIOCore
import Synchronization

/// A stream of server-sent events towards one client. One with a name keeps what it sent, so that a client whose
/// connection broke may go on behind the last event it has.
final class MCPStream: Sendable {
    private struct State {
        var feed: MockFeed?
        var kept: [(id: Int, event: ByteBuffer)] = []
        var sent = 0
        var isEnded = false
    }

    /// Part of the ids of its events; empty: it has none.
    let name: String
    private let state: Mutex<State>
    private static let keptMax = 1_000

    init(name: String = "", feed: MockFeed?) {
        self.name = name
        state = Mutex(State(feed: feed))
    }

    func send(_ message: JSONDocument) { send(data: message.json) }

    func send(data: String) {
        let (feed, event) = state.withLock { state -> (MockFeed?, ByteBuffer) in
            state.sent += 1
            let event = ByteBuffer(string: "\(idLine(state.sent))event: message\ndata: \(data)\n\n")
            keep(event, &state)
            return (state.feed, event)
        }
        feed?.write(event)
    }

    /// An event with an id and no data, which gives a client something to go on from.
    func prime(retryMilliseconds: Int?) {
        guard !name.isEmpty else { return }
        let (feed, event) = state.withLock { state -> (MockFeed?, ByteBuffer) in
            state.sent += 1
            let retry = retryMilliseconds.map { "retry: \($0)\n" } ?? ""
            return (state.feed, ByteBuffer(string: "\(idLine(state.sent))\(retry)data: \n\n"))
        }
        feed?.write(event)
    }

    /// Bytes as they are.
    func write(_ bytes: ByteBuffer) { state.withLock { $0.feed }?.write(bytes) }

    func comment() { write(ByteBuffer(string: ": still here\n\n")) }

    /// Closes the connection; what is sent from now on waits for the client.
    func detach() {
        let feed = state.withLock { state -> MockFeed? in
            defer { state.feed = nil }
            return state.feed
        }
        feed?.end()
    }

    func end() {
        let feed = state.withLock { state -> MockFeed? in
            state.isEnded = true
            return state.feed
        }
        feed?.end()
    }

    /// Sends what came after an event, and from now on what comes.
    func resume(after id: Int, on feed: MockFeed) {
        let (old, isEnded) = state.withLock { state -> (MockFeed?, Bool) in
            let old = state.feed
            for kept in state.kept where kept.id > id { feed.write(kept.event) }
            state.feed = feed
            return (old, state.isEnded)
        }
        old?.end()
        if isEnded { feed.end() }
    }

    var hasReader: Bool { state.withLock { $0.feed?.isOpen ?? false } }

    private func idLine(_ number: Int) -> String { name.isEmpty ? "" : "id: \(name)_\(number)\n" }

    private func keep(_ event: ByteBuffer, _ state: inout State) {
        guard !name.isEmpty else { return }
        if state.kept.count == Self.keptMax { state.kept.removeFirst(Self.keptMax / 2) }
        state.kept.append((state.sent, event))
    }
}

/// Where what is sent for one request goes: a stream of events, or lines that all requests share.
struct MCPOutlet: Sendable {
    let send: @Sendable (JSONDocument) -> Void
    /// Text that need not be a message.
    let raw: @Sendable (String) -> Void
    /// nil where the transport has none.
    var stream: MCPStream?
    let end: @Sendable () -> Void

    init(_ stream: MCPStream) {
        self.stream = stream
        send = { stream.send($0) }
        raw = { stream.send(data: $0) }
        end = { stream.end() }
    }

    init(
        send: @escaping @Sendable (JSONDocument) -> Void, raw: @escaping @Sendable (String) -> Void,
        end: @escaping @Sendable () -> Void
    ) { (self.send, self.raw, self.end) = (send, raw, end) }

    init(line: @escaping @Sendable (String) -> Void) {
        send = { line($0.json) }
        raw = line
        end = {}
    }
}
