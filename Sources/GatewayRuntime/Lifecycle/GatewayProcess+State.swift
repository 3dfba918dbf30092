import GatewayIdentity
import GatewayModel
import GatewayState

/// Keys, budgets and usage of the state folder.
extension GatewayProcess {
    /// Opens the state, and lets its keys in from then on.
    static func openState(_ options: GatewayOptions, _ live: LiveKeySet) throws(GatewayError) -> StateStore {
        let store = try StateStore(folder: options.stateDirectory, settings: options.ledger) {
            Int(WallTime.nanoseconds / 1_000_000)
        }
        store.keys.follow { keys in live.replace(keys.flatMap(entries)) }
        store.keys.askLastUses { live.lastUses() }
        return store
    }

    /// What lets a key in: its secret, and for a while after a rotation the one before. A revoked key is unknown.
    private static func entries(_ key: ManagedKey) -> [LiveKeySet.Entry] {
        guard key.state != .revoked else { return [] }
        let principal = key.principal
        let isBlocked = key.state == .blocked
        var entries = [
            LiveKeySet.Entry(
                digest: key.digest, principal: principal, expiresSeconds: key.expiresSeconds, isBlocked: isBlocked)
        ]
        if let earlier = key.earlierDigest, let until = key.earlierUntilSeconds {
            let end = min(until, key.expiresSeconds ?? until)
            entries.append(
                LiveKeySet.Entry(
                    digest: earlier, principal: principal, expiresSeconds: end, isBlocked: isBlocked))
        }
        return entries
    }
}
