import GatewayPolicy

/// An endpoint as balancing sees it: plain numbers, so that every decision is a function of values and the clock.
struct EndpointView: Equatable {
    var weight: Int
    var isHealthy = true
    /// End of its last ejection; 0 for none.
    var ejectedUntil: UInt64 = 0
    /// Start of its warm-up; 0 for none.
    var warmSince: UInt64 = 0
}

/// Which endpoints of a set may be chosen now and with what weight. One is made per loop whenever something changed,
/// so that choosing is one array access.
struct EndpointSchedule {
    /// Why these endpoints and not others.
    enum Mode: Equatable {
        case normal
        /// All healthy endpoints are ejected: ejection is ignored, because a bad answer is better than none.
        case ignoringEjection
        /// None passes its check, so none is asked: a check says what the backend says of itself, and clients and
        /// balancers before us can act on a 503.
        case noneHealthy
    }

    /// The longest round-robin order; larger sums of weights are scaled down to it.
    static let orderCountMax = 2048
    /// While an endpoint warms up, its weight is computed anew this often at most.
    static let warmStepNanosecondsMin: UInt64 = 50_000_000
    /// The share of its weight an endpoint starts with.
    static let warmPercentMin = 10
    private static let fullPermille: UInt64 = 1000

    let mode: Mode
    /// Positions in the set that may be chosen, ascending.
    let members: [Int]
    /// Effective weight by position in the set, thousandths of the configured one; 0 for what may not be chosen.
    let weights: [UInt64]
    /// The running sums of the members' weights.
    let sums: [UInt64]
    /// Positions in the set, each as often as its weight says, evenly mixed.
    let order: [Int32]
    /// When it must be made anew although nothing was reported.
    let validUntil: UInt64

    /// `slowStart` is how long an endpoint takes to its full weight, nanoseconds; 0 for none.
    init(views: [EndpointView], slowStart: UInt64, now: UInt64) {
        let chosen = EndpointSchedule.eligible(views, now: now)
        mode = chosen.mode
        members = chosen.members
        var weights = [UInt64](repeating: 0, count: views.count)
        var sums: [UInt64] = []
        var sum: UInt64 = 0
        var until = UInt64.max
        for view in views where view.ejectedUntil > now { until = min(until, view.ejectedUntil) }
        for member in members {
            let permille = EndpointSchedule.warmPermille(views[member], slowStart: slowStart, now: now)
            if permille < Self.fullPermille {
                until = min(until, now &+ max(slowStart / 20, Self.warmStepNanosecondsMin))
            }
            let weight = max(UInt64(views[member].weight) * permille, 1)
            weights[member] = weight
            sum += weight
            sums.append(sum)
        }
        self.weights = weights
        self.sums = sums
        order = EndpointSchedule.mix(members: members, weights: members.map { weights[$0] }, sum: sum)
        validUntil = until
    }

    private static func eligible(_ views: [EndpointView], now: UInt64) -> (mode: Mode, members: [Int]) {
        let weighted = views.indices.filter { views[$0].weight > 0 }
        let healthy = weighted.filter { views[$0].isHealthy }
        let good = healthy.filter { views[$0].ejectedUntil <= now }
        if !good.isEmpty || weighted.isEmpty { return (.normal, good) }
        return healthy.isEmpty ? (.noneHealthy, []) : (.ignoringEjection, healthy)
    }

    /// How much of its weight an endpoint has, in thousandths: it grows evenly from a tenth to all.
    static func warmPermille(_ view: EndpointView, slowStart: UInt64, now: UInt64) -> UInt64 {
        // Coming back from an ejection is a beginning too.
        let ended = view.ejectedUntil <= now ? view.ejectedUntil : 0
        let since = max(view.warmSince, ended)
        guard slowStart > 0, since > 0, since <= now else { return fullPermille }
        let ramp = SlowStart(windowMilliseconds: Int(clamping: slowStart / 1_000_000), percentMin: warmPercentMin)
        return UInt64(ramp.weight(Int(fullPermille), sinceNanoseconds: since, nowNanoseconds: now))
    }

    /// The order of weighted round robin. Each endpoint's turns are spread evenly over the round; a different start
    /// for each keeps endpoints of the same weight from coming in clumps.
    private static func mix(members: [Int], weights: [UInt64], sum: UInt64) -> [Int32] {
        guard let first = weights.first else { return [] }
        guard weights.contains(where: { $0 != first }) else { return members.map { Int32($0) } }
        var divisor = first
        for weight in weights { divisor = commonDivisor(divisor, weight) }
        let scale = max(1.0, Double(sum / divisor) / Double(orderCountMax))
        var turns: [(at: Double, member: Int32)] = []
        turns.reserveCapacity(min(Int(sum / divisor), orderCountMax) + members.count)
        for (position, member) in members.enumerated() {
            let count = max(1, Int((Double(weights[position] / divisor) / scale).rounded()))
            let start = Double(position + 1) / Double(members.count + 1)
            for turn in 0..<count {
                turns.append(((Double(turn) + start) / Double(count), Int32(member)))
            }
        }
        turns.sort { ($0.at, $0.member) < ($1.at, $1.member) }
        return turns.map(\.member)
    }

    private static func commonDivisor(_ left: UInt64, _ right: UInt64) -> UInt64 {
        var (left, right) = (left, right)
        while right != 0 { (left, right) = (right, left % right) }
        return left
    }

    // MARK: Choosing

    func isMember(_ position: Int) -> Bool { weights[position] > 0 }

    /// The member a uniformly random word points at, by weight.
    func member(random word: UInt64) -> Int {
        guard let total = sums.last, members.count > 1 else { return members[0] }
        let ticket = word.multipliedFullWidth(by: total).high
        var low = 0
        var high = sums.count - 1
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > ticket { high = middle } else { low = middle + 1 }
        }
        return members[low]
    }
}
