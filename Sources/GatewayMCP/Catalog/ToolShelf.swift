import Synchronization

/// The definitions that servers last listed, for those they listed them for: what a call needs to know of its tool.
final class ToolShelf: Sendable {
    /// What one server listed.
    final class Shelf: Sendable {
        let tools: [String: ToolDefinition]
        let filledNanoseconds: UInt64

        init(_ tools: [ToolDefinition], now: UInt64) {
            self.tools = Dictionary(tools.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
            filledNanoseconds = now
        }
    }

    private let shelves = Mutex<[String: Shelf]>([:])
    static let shelvesMax = 10_000
    /// Older ones are asked for again before a call.
    static let ageMaxNanoseconds: UInt64 = 5 * 60 * 1_000_000_000

    /// Nil when nothing is known, or nothing recent.
    func shelf(of server: CompiledServer, for owner: String, now: UInt64) -> Shelf? {
        guard let shelf = shelves.withLock({ $0[ToolShelf.key(server, owner)] }),
            now < shelf.filledNanoseconds &+ ToolShelf.ageMaxNanoseconds
        else { return nil }
        return shelf
    }

    func fill(_ server: CompiledServer, for owner: String, _ tools: [ToolDefinition], now: UInt64) -> Shelf {
        let shelf = Shelf(tools, now: now)
        shelves.withLock { shelves in
            if shelves.count >= ToolShelf.shelvesMax {
                shelves = shelves.filter { now < $0.value.filledNanoseconds &+ ToolShelf.ageMaxNanoseconds }
                if shelves.count >= ToolShelf.shelvesMax { shelves.removeAll(keepingCapacity: true) }
            }
            shelves[ToolShelf.key(server, owner)] = shelf
        }
        return shelf
    }

    /// The server says that its list has changed.
    func forget(_ server: CompiledServer, for owner: String) {
        shelves.withLock { $0[ToolShelf.key(server, owner)] = nil }
    }

    private static func key(_ server: CompiledServer, _ owner: String) -> String { "\(server.key) \(owner)" }
}
