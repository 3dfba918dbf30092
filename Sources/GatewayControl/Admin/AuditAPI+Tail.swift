import GatewayModel
import GatewayRecords
import Synchronization

/// The end of the log, as it grows.
extension AuditAPI {
    /// Without `since` and `last` only what comes from now on.
    func tail(_ call: AdminCall) async throws -> AdminResponse {
        try AdminAPI.checkServing(isDraining)
        let filter = try filter(call)
        let last = try call.query.number("last").map { min($0, Self.recordsMax) }
        let (reader, isDraining) = (AuditReader(folder), isDraining)
        // Who follows has no use for the record of his own reading.
        let end = trail.log?.recordCount ?? 0
        try await note(call, "audit.tail")
        var first = trail.log?.recordCount ?? 0
        if let last {
            first = reader.search(filter, limit: last, before: end).last?.index ?? first
        } else if let since = filter.sinceMilliseconds {
            first = reader.start(sinceMilliseconds: since)
        }
        let cursor = AuditTailCursor(next: first)
        let stream = AsyncStream<[UInt8]> {
            if let opening = cursor.takeOpening() { return opening }
            while !isDraining() {
                var lines: [UInt8] = []
                reader.visit(from: cursor.next) { entry in
                    cursor.next = entry.index + 1
                    if filter.isEmpty || filter.matches(entry) { lines += Self.line(entry) + [0x0A] }
                    return lines.count < Self.tailBytesMax
                }
                if !lines.isEmpty { return lines }
                // What is from before then has come: records are written some moments after their time.
                if let until = filter.untilMilliseconds, AuditClock.wallMilliseconds >= until + Self.lateMilliseconds {
                    return nil
                }
                guard (try? await Task.sleep(for: .milliseconds(200))) != nil else { return nil }
            }
            return nil
        }
        return .stream("application/x-ndjson", stream)
    }

    private static let lateMilliseconds = 2_000

    /// Of one answer; what is left comes with the next.
    private static let tailBytesMax = 1 << 20
}

/// Where a reader of the log's end is.
final class AuditTailCursor: Sendable {
    private let state: Mutex<(next: Int, isOpening: Bool)>

    init(next: Int) { state = Mutex((next, true)) }

    var next: Int {
        get { state.withLock { $0.next } }
        set { state.withLock { $0.next = newValue } }
    }

    /// A line feed, once: the head goes out at once, so that a reader can tell that it is connected.
    func takeOpening() -> [UInt8]? {
        state.withLock { state in
            defer { state.isOpening = false }
            return state.isOpening ? [0x0A] : nil
        }
    }
}
