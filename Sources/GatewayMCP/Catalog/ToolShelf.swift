import GatewayWire
import Synchronization

/// The definitions that servers last listed, for those they listed them for: what a call needs to know of its tool.
final class ToolShelf: Sendable {
    /// What one server listed.
    final class Shelf: Sendable {
        let tools: [String: ToolDefinition]
        let filledNanoseconds: UInt64
        /// Made at the first search in this list, and good for all others.
        private let index = Mutex<[String: ToolRanking.Entry]?>(nil)

        init(_ tools: [ToolDefinition], now: UInt64) {
            self.tools = Dictionary(tools.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
            filledNanoseconds = now
        }

        /// The words of each tool by its name; `place` is its server's prefix.
        func words(place: String) -> [String: ToolRanking.Entry] {
            if let known = index.withLock({ $0 }) { return known }
            let made = tools.mapValues { tool in
                ToolRanking.Entry(
                    name: tool.name, title: tool.tree["title"]?.string?.value ?? "",
                    description: tool.tree["description"]?.string?.value ?? "", place: place)
            }
            index.withLock { $0 = made }
            return made
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
