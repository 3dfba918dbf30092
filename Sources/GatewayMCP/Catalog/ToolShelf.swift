import GatewayModel
import GatewayWire
import Synchronization

/// The definitions that servers last listed, for those they listed them for: what a call needs to know of its tool.
final class ToolShelf: Sendable {
    /// What one server listed.
    final class Shelf: Sendable {
        let tools: [ExactName: ToolDefinition]
        let filledNanoseconds: UInt64
        /// How often the server's list had changed when it was asked for this one.
        fileprivate let edition: UInt64
        /// Made at the first search in this list, and good for all others.
        private let index = Mutex<[ExactName: ToolRanking.Entry]?>(nil)

        init(_ tools: [ToolDefinition], edition: UInt64, now: UInt64) {
            self.tools = Dictionary(tools.map { (ExactName($0.name), $0) }, uniquingKeysWith: { first, _ in first })
            self.edition = edition
            filledNanoseconds = now
        }

        /// The words of each tool by its name; `place` is its server's prefix.
        func words(place: String) -> [ExactName: ToolRanking.Entry] {
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

    private struct Key: Hashable {
        let server: String
        let owner: String
    }

    private struct State {
        var shelves: [Key: Shelf] = [:]
        /// By server, how often its list is known to have changed; whoever it was that was told.
        var editions: [String: UInt64] = [:]
    }

    private let state = Mutex(State())
    static let shelvesMax = 10_000
    static let editionsMax = 20_000
    /// Older ones are asked for again before a call.
    static let ageMaxNanoseconds: UInt64 = 5 * 60 * 1_000_000_000

    /// Nil when nothing is known, or nothing recent.
    func shelf(of server: CompiledServer, for owner: String, now: UInt64) -> Shelf? {
        state.withLock { state in
            guard let shelf = state.shelves[ToolShelf.key(server, owner)],
                now < shelf.filledNanoseconds &+ ToolShelf.ageMaxNanoseconds,
                shelf.edition == state.editions[server.key] ?? 0
            else { return nil }
            return shelf
        }
    }

    /// What a list that is asked for now is of: one that changes while it is on its way is old when it comes.
    func edition(of server: CompiledServer) -> UInt64 { state.withLock { $0.editions[server.key] ?? 0 } }

    func fill(
        _ server: CompiledServer, for owner: String, _ tools: [ToolDefinition], edition: UInt64, now: UInt64
    ) -> Shelf {
        let shelf = Shelf(tools, edition: edition, now: now)
        state.withLock { state in
            if state.shelves.count >= ToolShelf.shelvesMax {
                state.shelves = state.shelves.filter { now < $0.value.filledNanoseconds &+ ToolShelf.ageMaxNanoseconds }
                if state.shelves.count >= ToolShelf.shelvesMax { state.shelves.removeAll(keepingCapacity: true) }
            }
            state.shelves[ToolShelf.key(server, owner)] = shelf
        }
        return shelf
    }

    /// The list has changed, as the server says or one caller's list shows: what others were shown before is not what
    /// they would call, so that everybody's is asked for again.
    func changed(_ server: CompiledServer) {
        state.withLock { state in
            if state.editions.count >= ToolShelf.editionsMax {
                state.editions.removeAll()
                state.shelves.removeAll(keepingCapacity: true)
            }
            state.editions[server.key, default: 0] += 1
        }
    }

    private static func key(_ server: CompiledServer, _ owner: String) -> Key {
        Key(server: server.key, owner: owner)
    }
}
