/// What one loop keeps of one backend in order to choose endpoints: a schedule made from shared state, and the
/// cursors of its own. Used on its loop only.
final class LoopBalancer {
    let backend: LiveBackend
    private(set) var set = EndpointSet.empty
    private(set) var schedule = EndpointSchedule(views: [], slowStart: 0, now: 0)
    private var seenVersion: UInt64 = 0
    private var cursor: Int

    /// Each loop begins elsewhere in the round, or many loops of few requests would all choose the first endpoint.
    init(_ backend: LiveBackend, start: UInt64) {
        self.backend = backend
        cursor = Int(truncatingIfNeeded: start & 0xFFFF)
    }

    /// Makes the schedule anew if endpoints or their health have changed, or time has.
    func refresh(slowStart: UInt64, now: UInt64) {
        let version = backend.currentVersion
        guard version != seenVersion || now >= schedule.validUntil else { return }
        if version != seenVersion { set = backend.endpointSet }
        seenVersion = version
        schedule = EndpointSchedule(views: set.endpoints.map(\.view), slowStart: slowStart, now: now)
    }

    var isEmpty: Bool { schedule.members.isEmpty }

    /// Something has changed since the schedule was made.
    var isStale: Bool { backend.currentVersion != seenVersion }

    /// The endpoint of a session, if it may still be used. One of weight 0 serves its sessions and gets no others.
    func endpoint(sessionTag: [UInt8], avoid: [Int], now: UInt64) -> Endpoint? {
        guard let position = set.position(sessionTag: sessionTag) else { return nil }
        let endpoint = set.endpoints[position]
        guard !isAvoided(position, avoid) else { return nil }
        if schedule.isMember(position) { return endpoint }
        let isDraining = endpoint.weight == 0 && endpoint.isHealthy && endpoint.ejectedUntilNanoseconds <= now
        return isDraining ? endpoint : nil
    }

    // MARK: Strategies. Each prefers endpoints not in `avoid`, and takes one of those only if nothing else is left.

    func nextInRound(avoid: [Int]) -> Endpoint? {
        let count = schedule.order.count
        guard count > 0 else { return nil }
        for _ in 0..<count {
            cursor = cursor &+ 1
            if cursor >= count { cursor %= count }
            let position = Int(schedule.order[cursor])
            if !isAvoided(position, avoid) { return set.endpoints[position] }
        }
        return set.endpoints[Int(schedule.order[cursor])]
    }

    func random(_ word: UInt64, avoid: [Int]) -> Endpoint? {
        draw(word, avoid: avoid).map { set.endpoints[$0] }
    }

    /// Of two endpoints drawn by weight the one with less work for its weight; the first when they are equal, so that
    /// weights hold for a backend at rest too.
    func lessBusy(_ word: UInt64, _ otherWord: UInt64, avoid: [Int]) -> Endpoint? {
        guard let left = draw(word, avoid: avoid), var right = draw(otherWord, avoid: avoid) else { return nil }
        if left == right {
            // The same one twice is no choice.
            right = member(after: otherWord) { $0 != left && !isAvoided($0, avoid) } ?? left
        }
        let leftLoad = UInt64(max(set.endpoints[left].inFlight, 0)) * schedule.weights[right]
        let rightLoad = UInt64(max(set.endpoints[right].inFlight, 0)) * schedule.weights[left]
        return set.endpoints[rightLoad < leftLoad ? right : left]
    }

    /// The owner of a key, unless it has more than its share of the requests under way, then the next on the ring.
    func owner(of hash: UInt64, avoid: [Int]) -> Endpoint? {
        guard !isEmpty else { return nil }
        let bound = LoadBound(totalWeight: schedule.sums.last ?? 0, inFlight: backend.load.inFlight)
        let free = set.ring.owner(of: hash) { position in
            guard schedule.isMember(position), !isAvoided(position, avoid) else { return false }
            return bound.admits(inFlight: set.endpoints[position].inFlight, weight: schedule.weights[position])
        }
        let position = free ?? set.ring.owner(of: hash) { schedule.isMember($0) } ?? schedule.members[0]
        return set.endpoints[position]
    }

    private func isAvoided(_ position: Int, _ avoid: [Int]) -> Bool {
        !avoid.isEmpty && avoid.contains(set.endpoints[position].index)
    }

    private func draw(_ word: UInt64, avoid: [Int]) -> Int? {
        guard !isEmpty else { return nil }
        let first = schedule.member(random: word)
        guard isAvoided(first, avoid) else { return first }
        return member(after: word) { !isAvoided($0, avoid) } ?? first
    }

    /// Some member that fits, beginning at a place the word decides.
    private func member(after word: UInt64, where fits: (Int) -> Bool) -> Int? {
        let members = schedule.members
        let start = Int(KeyHash.mix(word) % UInt64(members.count))
        for step in members.indices {
            let member = members[(start + step) % members.count]
            if fits(member) { return member }
        }
        return nil
    }
}

/// Consistent hashing with bounded loads: no endpoint gets more than a quarter above its share of what is under way.
struct LoadBound {
    private let total: UInt64
    private let inFlight: UInt64

    init(totalWeight: UInt64, inFlight: Int) {
        total = max(totalWeight, 1)
        self.inFlight = UInt64(max(inFlight, 0))
    }

    /// Whether an endpoint with `inFlight` requests may have one more.
    func admits(inFlight own: Int, weight: UInt64) -> Bool {
        let share = Double(inFlight + 1) * 1.25 * Double(weight) / Double(total)
        return Double(max(own, 0)) < max(share.rounded(.up), 1)
    }
}

/// The balancers of one loop, by the backend's number.
struct Balancers {
    private var balancers: [LoopBalancer?] = []

    mutating func balancer(of backend: LiveBackend, start: UInt64) -> LoopBalancer {
        let number = backend.number
        if number < balancers.count, let balancer = balancers[number], balancer.backend === backend { return balancer }
        if number >= balancers.count {
            balancers.append(contentsOf: repeatElement(nil, count: number + 1 - balancers.count))
        }
        let balancer = LoopBalancer(backend, start: start)
        balancers[number] = balancer
        return balancer
    }
}
