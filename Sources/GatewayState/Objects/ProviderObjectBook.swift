import GRDB
import Synchronization

/// What providers keep for callers: whose each file and batch is, so that lists show nobody else's, and how long each
/// stored response is, so that who builds upon it is held to that. In memory for requests; the store's own thread
/// writes it down a moment later. Who may use an id is not decided here: the id itself says so, by its mark. What is
/// lost or forgotten is therefore missing in lists, and estimated, and nothing worse.
package final class ProviderObjectBook: Sendable {
    /// How much is remembered, the newest first. Nobody's things push out those of another tenant, so that all there
    /// is has no bound but the number of tenants, which is the operator's.
    package struct Limits: Sendable {
        /// Of one owner: what lists show, and beside that what they do not.
        package var ofOwnerMax = 10_000
        /// The same of one tenant.
        package var ofTenantMax = 100_000
        /// Changes that are not on the disk yet; beyond it they stay in memory only.
        package var pendingMax = 100_000

        package init() {}
    }

    /// What lists show is counted apart: no number of responses pushes out a file.
    fileprivate enum Line: Hashable {
        case owner(ObjectOwner, isListed: Bool)
        case tenant(String?, isListed: Bool)
    }

    fileprivate struct Shelf: Hashable {
        var owner: ObjectOwner
        var kind: ProviderObject.Kind
    }

    fileprivate struct Kept {
        var object: ProviderObject
        var number: Int
    }

    fileprivate struct State {
        var kept: [ProviderObject.Key: Kept] = [:]
        var shelves: [Shelf: Set<ProviderObject.Key>] = [:]
        /// The oldest first; what was forgotten since is passed over.
        var lines: [Line: OldestFirst] = [:]
        /// Nil for what is to be deleted.
        var pending: [ProviderObject.Key: Kept?] = [:]
        var nextNumber = 1
    }

    static let schema = """
        CREATE TABLE provider_objects (
            number INTEGER PRIMARY KEY, place TEXT NOT NULL, id TEXT NOT NULL, kind INTEGER NOT NULL,
            owner TEXT NOT NULL, tokens INTEGER NOT NULL, UNIQUE (place, id));
        """

    /// Owners of before had names that could mean two.
    static let schema2 = """
        DELETE FROM provider_objects;
        ALTER TABLE provider_objects ADD COLUMN note TEXT NOT NULL DEFAULT '';
        """

    private let database: any DatabaseWriter
    private let limits: Limits
    private let state = Mutex(State())

    /// How many keys the longest line holds, those included that it has passed.
    var lineLength: Int { state.withLock { $0.lines.values.map(\.length).max() ?? 0 } }

    init(_ database: any DatabaseWriter, limits: Limits = Limits()) throws {
        self.database = database
        self.limits = limits
        let loaded = try database.read { database in
            var loaded = State()
            let rows = try Row.fetchCursor(database, sql: "SELECT * FROM provider_objects ORDER BY number")
            while let row = try rows.next() {
                guard let kind = ProviderObject.Kind(rawValue: row["kind"]),
                    let owner = ObjectOwner(text: row["owner"])
                else { continue }
                let key = ProviderObject.Key(place: row["place"], id: row["id"])
                let object = ProviderObject(key, kind, owner: owner, tokens: row["tokens"], note: row["note"])
                loaded.nextNumber = row["number"]
                loaded.add(object)
            }
            loaded.pending = [:]
            return loaded
        }
        state.withLock { $0 = loaded }
    }

    /// Remembers an object; where there are too many of its owner or tenant, their oldest is forgotten.
    package func note(_ object: ProviderObject) {
        state.withLock { state in
            if let known = state.kept[object.key] {
                guard known.object != object else { return }
                state.remove(object.key)
            }
            state.add(object)
            state.trim(limits, for: object)
            if state.pending.count > limits.pendingMax { state.pending = [:] }
        }
    }

    /// The object is no more.
    package func forget(_ key: ProviderObject.Key) {
        state.withLock { $0.remove(key) }
    }

    /// What is remembered of an object.
    package func object(_ key: ProviderObject.Key) -> ProviderObject? { state.withLock { $0.kept[key]?.object } }

    /// The tokens of a stored response; nil when nobody remembers.
    package func tokens(_ key: ProviderObject.Key) -> Int? {
        guard let object = object(key), object.kind == .response else { return nil }
        return object.tokens
    }

    /// What an owner has of a kind, in the order in which it was told of.
    package func objects(_ owner: ObjectOwner, _ kind: ProviderObject.Kind) -> [ProviderObject] {
        state.withLock { state in
            (state.shelves[Shelf(owner: owner, kind: kind)] ?? []).compactMap { state.kept[$0] }
        }.sorted { $0.number < $1.number }.map(\.object)
    }

    // MARK: The disk

    /// Writes down what has changed. What cannot be written is tried again with what changes next.
    func flush() {
        let changes = state.withLock { state in
            let changes = state.pending
            state.pending = [:]
            return changes
        }
        guard !changes.isEmpty else { return }
        do {
            try database.write { database in
                for (key, kept) in changes { try ProviderObjectBook.write(key, kept, database) }
            }
        } catch {
            state.withLock { state in
                guard state.pending.count + changes.count <= limits.pendingMax else { return }
                state.pending.merge(changes) { newer, _ in newer }
            }
        }
    }

    private static func write(_ key: ProviderObject.Key, _ kept: Kept?, _ database: Database) throws {
        guard let kept else {
            return try database.execute(
                sql: "DELETE FROM provider_objects WHERE place = ? AND id = ?", arguments: [key.place, key.id])
        }
        let object = kept.object
        try database.execute(
            sql: "INSERT OR REPLACE INTO provider_objects VALUES (?, ?, ?, ?, ?, ?, ?)",
            arguments: [
                kept.number, key.place, key.id, object.kind.rawValue, object.owner.text, object.tokens, object.note,
            ])
    }
}

extension ProviderObjectBook.State {
    private static func lines(_ object: ProviderObject) -> [ProviderObjectBook.Line] {
        let isListed = object.kind == .file || object.kind == .batch
        return [.owner(object.owner, isListed: isListed), .tenant(object.owner.tenant, isListed: isListed)]
    }

    fileprivate mutating func add(_ object: ProviderObject) {
        let kept = ProviderObjectBook.Kept(object: object, number: nextNumber)
        nextNumber += 1
        self.kept[object.key] = kept
        pending[object.key] = .some(kept)
        for line in Self.lines(object) { lines[line, default: OldestFirst()].append(kept, in: self.kept) }
        shelves[ProviderObjectBook.Shelf(owner: object.owner, kind: object.kind), default: []].insert(object.key)
    }

    fileprivate mutating func remove(_ key: ProviderObject.Key) {
        guard let gone = kept.removeValue(forKey: key)?.object else { return }
        pending[key] = .some(nil)
        for line in Self.lines(gone) {
            lines[line]?.count -= 1
            // Who has nothing costs nothing.
            if lines[line]?.count == 0 { lines[line] = nil }
        }
        let shelf = ProviderObjectBook.Shelf(owner: gone.owner, kind: gone.kind)
        shelves[shelf]?.remove(key)
        if shelves[shelf]?.isEmpty == true { shelves[shelf] = nil }
    }

    fileprivate mutating func trim(_ limits: ProviderObjectBook.Limits, for object: ProviderObject) {
        for (line, most) in zip(Self.lines(object), [limits.ofOwnerMax, limits.ofTenantMax]) {
            while lines[line]?.count ?? 0 > most, let key = lines[line]?.pop(kept) { remove(key) }
        }
    }
}

/// Keys in the order they came. What is removed elsewhere lowers `count` at once, and leaves the line when it is
/// passed.
private struct OldestFirst {
    typealias Kept = [ProviderObject.Key: ProviderObjectBook.Kept]

    /// Of those that are still kept.
    var count = 0
    /// From `head` on.
    private var line: [(key: ProviderObject.Key, number: Int)] = []
    private var head = 0

    var length: Int { line.count }

    mutating func append(_ new: ProviderObjectBook.Kept, in kept: Kept) {
        line.append((new.object.key, new.number))
        count += 1
        // What has been passed counts too: at a limit every key that comes passes one.
        guard line.count > 2 * count + 1_024 else { return }
        line = line[head...].filter { kept[$0.key]?.number == $0.number }
        head = 0
    }

    /// The oldest that is still kept. It leaves the line; the count is lowered by who removes it.
    mutating func pop(_ kept: Kept) -> ProviderObject.Key? {
        while head < line.count {
            let (key, number) = line[head]
            head += 1
            if kept[key]?.number == number { return key }
        }
        return nil
    }
}
