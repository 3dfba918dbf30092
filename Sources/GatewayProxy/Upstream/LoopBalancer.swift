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

    /// The endpoint of a session, if it may still be used. One of weight 0 serves its sessions and gets no others.
    func endpoint(sessionTag: [UInt8], avoid: [Int], now: UInt64) -> Endpoint? {
        guard let position = set.position(sessionTag: sessionTag) else { return nil }
        let endpoint = set.endpoints[position]
        guard avoid.isEmpty || !avoid.contains(endpoint.index) else { return nil }
        if schedule.isMember[position] { return endpoint }
        let isDraining = endpoint.weight == 0 && endpoint.isHealthy && endpoint.ejectedUntilNanoseconds <= now
        return isDraining ? endpoint : nil
    }

    // MARK: Strategies. Each prefers endpoints not in `avoid`, and takes one of those only if nothing else is left.

    func nextInRound(avoid: [Int]) -> Endpoint? {
        let order = schedule.order
        guard !order.isEmpty else { return nil }
        for _ in 0..<order.count {
            cursor = cursor &+ 1
            if cursor >= order.count { cursor %= order.count }
            let endpoint = set.endpoints[Int(order[cursor])]
            if avoid.isEmpty || !avoid.contains(endpoint.index) { return endpoint }
        }
        return set.endpoints[Int(order[cursor])]
    }

    func random(_ word: UInt64, avoid: [Int]) -> Endpoint? {
        guard !isEmpty else { return nil }
        let first = set.endpoints[schedule.member(random: word)]
        guard !avoid.isEmpty, avoid.contains(first.index) else { return first }
        return firstMember(after: word, avoid: avoid) ?? first
    }

    /// Of two endpoints chosen by weight the one with less work for its weight.
    func lessBusy(_ word: UInt64, _ otherWord: UInt64, avoid: [Int]) -> Endpoint? {
        guard let left = random(word, avoid: avoid), let right = random(otherWord, avoid: avoid) else { return nil }
        // Two different members; the same one twice is no choice.
        guard left === right, schedule.members.count > 1 else { return LoopBalancer.lessBusy(left, right) }
        let other = firstMember(after: otherWord, avoid: avoid + [left.index])
        return other.map { LoopBalancer.lessBusy(left, $0) } ?? left
    }

    /// The draw has taken weights into account, so that only the number of requests is compared.
    private static func lessBusy(_ left: Endpoint, _ right: Endpoint) -> Endpoint {
        right.inFlight < left.inFlight ? right : left
    }

    private func firstMember(after word: UInt64, avoid: [Int]) -> Endpoint? {
        let members = schedule.members
        let start = Int(KeyHash.mix(word) % UInt64(members.count))
        for step in members.indices {
            let endpoint = set.endpoints[members[(start + step) % members.count]]
            if !avoid.contains(endpoint.index) { return endpoint }
        }
        return nil
    }

    /// The owner of a key, unless it has more than its share of the requests under way, then the next on the ring.
    func owner(of hash: UInt64, avoid: [Int]) -> Endpoint? {
        guard !isEmpty else { return nil }
        let bound = LoadBound(schedule: schedule, inFlight: backend.load.inFlight)
        let free = set.ring.owner(of: hash) { position in
            guard schedule.isMember[position] else { return false }
            let endpoint = set.endpoints[position]
            guard avoid.isEmpty || !avoid.contains(endpoint.index) else { return false }
            return bound.admits(inFlight: endpoint.inFlight, weight: UInt64(max(endpoint.weight, 1)))
        }
        let position = free ?? set.ring.owner(of: hash) { schedule.isMember[$0] }
        return position.map { set.endpoints[$0] } ?? set.endpoints[schedule.members[0]]
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

    init(schedule: EndpointSchedule, inFlight: Int) {
        // Weights of a schedule are in thousandths, so that a warming endpoint's share is smaller.
        self.init(totalWeight: (schedule.sums.last ?? 0) / 1000, inFlight: inFlight)
    }

    /// Whether an endpoint with `inFlight` requests may have one more.
    func admits(inFlight own: Int, weight: UInt64) -> Bool {
        let share = ((inFlight + 1) * 5 * weight + total * 4 - 1) / (total * 4)
        return UInt64(max(own, 0)) < max(share, 1)
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
