import GRDB
package import GatewayModel
import Synchronization

/// All managed keys, in memory and in the store. Requests do not come here: whoever looks keys up is handed every new
/// list.
package final class KeyList: Sendable {
    package typealias Listener = @Sendable ([ManagedKey]) -> Void

    package static let keysMax = 100_000

    private struct State {
        var keys: [String: ManagedKey] = [:]
        var listeners: [Listener] = []
        var lastUses: (@Sendable () -> [(id: String, seconds: Int)])?
        /// Keys whose last use is not in the store yet.
        var used: Set<String> = []
    }

    private let database: any DatabaseWriter
    private let nowMilliseconds: @Sendable () -> Int
    private let state = Mutex(State())

    init(_ database: any DatabaseWriter, now: @escaping @Sendable () -> Int) throws {
        self.database = database
        nowMilliseconds = now
        let keys = try database.read { try KeyTable.all($0) }
        state.withLock { state in
            for key in keys { state.keys[key.id] = key }
        }
    }

    /// Hands the list to `listener`, now and after every change.
    package func follow(_ listener: @escaping Listener) {
        state.withLock { state in
            state.listeners.append(listener)
            listener(KeyList.sorted(state.keys))
        }
    }

    /// Where to ask when keys were last used.
    package func askLastUses(_ source: @escaping @Sendable () -> [(id: String, seconds: Int)]) {
        state.withLock { $0.lastUses = source }
    }

    // MARK: Reading

    /// The oldest first.
    package func all() -> [ManagedKey] {
        noteLastUses()
        return state.withLock { KeyList.sorted($0.keys) }
    }

    package func find(_ id: String) throws(GatewayError) -> ManagedKey {
        noteLastUses()
        guard let key = state.withLock({ $0.keys[id] }) else {
            throw GatewayError(.notFound, "no key \(id)", hint: "'sluice key list' shows them")
        }
        return key
    }

    private static func sorted(_ keys: [String: ManagedKey]) -> [ManagedKey] {
        keys.values.sorted { ($0.createdSeconds, $0.id) < ($1.createdSeconds, $1.id) }
    }

    // MARK: Changing

    /// Makes a key like `draft`, whose id, secret and dates do not count. The secret is in the answer and nowhere else.
    package func create(
        _ draft: ManagedKey, nowSeconds: Int
    ) throws(GatewayError) -> (key: ManagedKey, secret: String) {
        let secret = KeySecret.make()
        var key = draft
        key.id = KeySecret.makeID()
        key.hint = KeySecret.hint(secret)
        key.digest = KeySecret.digest(secret)
        (key.createdSeconds, key.changedSeconds) = (nowSeconds, nowSeconds)
        (key.state, key.lastUsedSeconds, key.earlierDigest) = (.active, nil, nil)
        try key.check()
        if let end = key.expiresSeconds, end <= nowSeconds {
            throw GatewayError(.invalidValue, "the key would have expired already")
        }
        let made = key
        let saved = try save { keys throws(GatewayError) in
            guard keys.count < KeyList.keysMax else {
                throw GatewayError(.tooLarge, "there are \(KeyList.keysMax) keys already")
            }
            return made
        }
        return (saved, secret)
    }

    /// Gives a key another secret. The one before stays good for `graceSeconds`.
    package func rotate(
        _ id: String, graceSeconds: Int, nowSeconds: Int
    ) throws(GatewayError) -> (key: ManagedKey, secret: String) {
        let secret = KeySecret.make()
        let key = try change(id, nowSeconds: nowSeconds) { key throws(GatewayError) in
            guard key.state != .revoked else { throw GatewayError(.conflict, "the key is revoked: \(id)") }
            (key.earlierDigest, key.earlierUntilSeconds) =
                graceSeconds > 0 ? (key.digest, nowSeconds + graceSeconds) : (nil, nil)
            key.hint = KeySecret.hint(secret)
            key.digest = KeySecret.digest(secret)
        }
        return (key, secret)
    }

    /// Blocks, unblocks or revokes. A revoked key stays revoked.
    package func set(
        _ id: String, _ state: ManagedKey.State, nowSeconds: Int
    ) throws(GatewayError) -> ManagedKey {
        try change(id, nowSeconds: nowSeconds) { key throws(GatewayError) in
            guard key.state != .revoked || state == .revoked else {
                throw GatewayError(.conflict, "the key is revoked: \(id)", hint: "create another one")
            }
            key.state = state
            if state == .revoked { (key.earlierDigest, key.earlierUntilSeconds) = (nil, nil) }
        }
    }

    private func change(
        _ id: String, nowSeconds: Int, _ body: (inout ManagedKey) throws(GatewayError) -> Void
    ) throws(GatewayError) -> ManagedKey {
        noteLastUses()
        return try save { keys throws(GatewayError) in
            guard var key = keys[id] else {
                throw GatewayError(.notFound, "no key \(id)", hint: "'sluice key list' shows them")
            }
            try body(&key)
            key.changedSeconds = nowSeconds
            return key
        }
    }

    /// On the disk first, then in memory, then everyone hears of it, all under one lock: a key that was shown is never
    /// lost, and no change undoes another.
    private func save(
        _ make: ([String: ManagedKey]) throws(GatewayError) -> ManagedKey
    ) throws(GatewayError) -> ManagedKey {
        let result = state.withLock { state -> Result<ManagedKey, GatewayError> in
            do {
                var key = try make(state.keys)
                try commit(key, &state)
                // Until everyone had heard of it the key let in: what was made from it meanwhile ends as well.
                if case let now = nowMilliseconds() / 1_000, key.state != .active, now > key.changedSeconds {
                    key.changedSeconds = now
                    do { try commit(key, &state) } catch {
                        throw GatewayError(
                            .unreadableFile,
                            "the key is \(key.state.rawValue), but what was made from it meanwhile is not",
                            hint: "once the state folder can be written, do it once more", cause: "\(error)")
                    }
                }
                return .success(key)
            } catch let error as GatewayError {
                return .failure(error)
            } catch {
                return .failure(
                    GatewayError(
                        .unreadableFile, "the key cannot be stored",
                        hint: "check space and permissions of the state folder", cause: "\(error)"))
            }
        }
        return try result.get()
    }

    /// What ends with the key is kept beside it: a block must still be known when the key lets in again.
    private func commit(_ key: ManagedKey, _ state: inout State) throws {
        let ended = [state.keys[key.id], key].compactMap { $0?.revocation(nowSeconds: key.changedSeconds) }
        try database.write { database in
            try KeyTable.write(key, database)
            for entry in ended { try RevocationTable.write(entry, database) }
        }
        state.keys[key.id] = key
        let keys = KeyList.sorted(state.keys)
        for listener in state.listeners { listener(keys) }
    }

    // MARK: Last use

    /// Takes over when keys were last used.
    private func noteLastUses() {
        state.withLock { state in
            for use in state.lastUses?() ?? [] {
                guard let key = state.keys[use.id], use.seconds > key.lastUsedSeconds ?? 0 else { continue }
                state.keys[use.id]?.lastUsedSeconds = use.seconds
                state.used.insert(use.id)
            }
        }
    }

    /// Writes when keys were last used, all at once.
    func writeLastUses() throws {
        noteLastUses()
        let uses = state.withLock { state in
            defer { state.used = [] }
            return state.used.map { (id: $0, seconds: state.keys[$0]?.lastUsedSeconds ?? 0) }
        }
        guard !uses.isEmpty else { return }
        do { try database.write { try KeyTable.writeLastUses(uses, $0) } } catch {
            state.withLock { $0.used.formUnion(uses.map(\.id)) }
            throw error
        }
    }
}
