/// Which sessions their clients have ended, as long as their ids could still be presented: all of a session travels in
/// its sealed id, which is good until it is too old. Bounded for each owner by himself: of one who ends very many the
/// oldest are not remembered one by one any more, and all of his that are as old have ended with them. They are opened
/// anew, and no ended one is ever open again.
struct EndedSessions {
    private struct Owner {
        /// When those that have ended were opened, by id.
        var opened: [String: Int] = [:]
        /// All that were opened up to then have ended.
        var endedUpTo = Int.min

        mutating func forgetOlderHalf() {
            let times = opened.values.sorted()
            guard let middle = times.isEmpty ? nil : times[(times.count - 1) / 2] else { return }
            endedUpTo = max(endedUpTo, middle)
            opened = opened.filter { $0.value > middle }
        }
    }

    private var owners: [String: Owner] = [:]
    private var count = 0
    private let ownerCountMax: Int
    private let countMax: Int
    /// When what is too old was last let go of.
    private var sweptMilliseconds = Int.min

    init(ownerCountMax: Int = 10_000, countMax: Int = 100_000) {
        (self.ownerCountMax, self.countMax) = (ownerCountMax, countMax)
    }

    func contains(_ session: ClientSession) -> Bool {
        guard let owner = owners[session.owner] else { return false }
        return session.openedMilliseconds <= owner.endedUpTo || owner.opened[session.id] != nil
    }

    mutating func insert(_ session: ClientSession, nowMilliseconds: Int) {
        sweep(nowMilliseconds)
        guard !contains(session) else { return }
        change(session.owner) { $0.opened[session.id] = session.openedMilliseconds }
        if owners[session.owner]?.opened.count ?? 0 > ownerCountMax { change(session.owner) { $0.forgetOlderHalf() } }
        if count > countMax, let most = owners.max(by: { $0.value.opened.count < $1.value.opened.count })?.key {
            change(most) { $0.forgetOlderHalf() }
        }
    }

    private mutating func change(_ owner: String, _ change: (inout Owner) -> Void) {
        var known = owners[owner] ?? Owner()
        count -= known.opened.count
        change(&known)
        count += known.opened.count
        owners[owner] = known
    }

    /// What is too old opens nothing, whether it has ended or not.
    private mutating func sweep(_ nowMilliseconds: Int) {
        let (step, oldest) = (60_000, nowMilliseconds - ClientSession.lifetimeMilliseconds)
        guard sweptMilliseconds < nowMilliseconds - step else { return }
        sweptMilliseconds = nowMilliseconds
        for name in Array(owners.keys) {
            change(name) { owner in owner.opened = owner.opened.filter { $0.value > oldest } }
            if let owner = owners[name], owner.opened.isEmpty, owner.endedUpTo <= oldest { owners[name] = nil }
        }
    }
}
