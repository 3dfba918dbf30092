package import GatewayModel
package import GatewayProxy

/// Chooses which target, by which credential, is tried next. Facts in, choice out; the caller takes the places.
package struct TargetChoice {
    package struct Place: Sendable, Hashable {
        package var target: Int
        package var access: Int
    }

    /// Places in order: nearly always one, which needs no list.
    package struct Places: Sendable {
        private var first: Place?
        private var more: [Place] = []

        var last: Place? { more.last ?? first }
        func contains(_ place: Place) -> Bool { first == place || more.contains(place) }

        mutating func append(_ place: Place) {
            if first == nil { first = place } else { more.append(place) }
        }
    }

    /// What was tried for this request already.
    package var tried = Places()
    /// What cannot serve this request however often it is tried.
    package var barred: [Place] = []
    package private(set) var reason: GatewayError?

    package init() {}

    /// The next place for a model; nil when nothing can serve. `fits` says whether a target may be used at all: its
    /// dialect has the endpoint, its condition holds.
    package mutating func next(
        of routed: RoutedModel, usage: (input: Int, output: Int), now: UInt64, random: inout LoopRandom,
        fits: (RoutedTarget, RoutedTarget.Access) -> Bool
    ) -> Place? {
        reason = nil
        if let only = routed.onlyPlace {
            // Nobody else can serve: it is tried however it fares, again too.
            return mayServe(only, of: routed, fits: fits) ? only : nil
        }
        // First what has not been tried, tier by tier; then, since every one has failed once, all again. Those that
        // cool down are left alone as long as anyone else can serve: an only target is tried all the same.
        for coolsDown in [false, true] {
            for isAgain in [false, true] {
                for tier in routed.model.tiers {
                    let places = places(
                        of: routed, tier, isAgain: isAgain, coolsDown: coolsDown, now: now, fits: fits)
                    if let place = choose(places, of: routed, usage, now, &random) { return place }
                }
            }
        }
        return nil
    }

    /// The same of a model's only place.
    private mutating func mayServe(
        _ place: Place, of routed: RoutedModel, fits: (RoutedTarget, RoutedTarget.Access) -> Bool
    ) -> Bool {
        let target = routed.targets[place.target]
        if let refusal = target.target.provider.refusal { reason = refusal }
        if let most = target.concurrentMax, target.provider.inFlight >= most { return false }
        return reason == nil && fits(target, target.accesses[place.access]) && !barred.contains(place)
    }

    private mutating func places(
        of routed: RoutedModel, _ tier: Range<Int>, isAgain: Bool, coolsDown: Bool, now: UInt64,
        fits: (RoutedTarget, RoutedTarget.Access) -> Bool
    ) -> [Place] {
        var places: [Place] = []
        for index in tier {
            let target = routed.targets[index]
            if let refusal = target.target.provider.refusal {
                reason = reason ?? refusal
                continue
            }
            if let most = target.concurrentMax, target.provider.inFlight >= most { continue }
            for access in target.accesses.indices where fits(target, target.accesses[access]) {
                let place = Place(target: index, access: access)
                guard tried.contains(place) == isAgain, !barred.contains(place) else { continue }
                if target.accesses[access].live.coolsDown(now: now) == coolsDown { places.append(place) }
            }
        }
        return places
    }

    private func choose(
        _ places: [Place], of routed: RoutedModel, _ usage: (input: Int, output: Int), _ now: UInt64,
        _ random: inout LoopRandom
    ) -> Place? {
        guard places.count > 1 else { return places.first }
        switch routed.model.strategy {
        case .weighted: return byWeight(places, routed, &random)
        case .lowestCost:
            return least(places, &random) { place in
                let target = routed.targets[place.target].target
                let price = target.price ?? target.unknownPrice
                // What has no price is nobody's cheapest.
                return price.map { $0.costMax(inputTokens: usage.input, outputTokens: usage.output).picodollars }
                    ?? .max
            }
        case .lowestLatency:
            return least(places, &random) { Int128(live($0, routed).latencyNanoseconds(now: now)) }
        case .leastInFlight:
            return least(places, &random) { Int128(live($0, routed).inFlight) }
        }
    }

    private func live(_ place: Place, _ routed: RoutedModel) -> LiveTarget {
        routed.targets[place.target].accesses[place.access].live
    }

    /// A target's weight is shared by its credentials, by theirs.
    private func byWeight(_ places: [Place], _ routed: RoutedModel, _ random: inout LoopRandom) -> Place? {
        func weight(_ place: Place) -> Int {
            let target = routed.targets[place.target]
            return target.target.weight * 1_000 * (target.accesses[place.access].credential?.weight ?? 1)
                / max(1, target.accesses.reduce(0) { $0 + ($1.credential?.weight ?? 1) })
        }
        let total = places.reduce(0) { $0 + weight($1) }
        guard total > 0 else { return nil }
        var ticket = Int(random.next(below: UInt64(total)))
        for place in places {
            ticket -= weight(place)
            if ticket < 0 { return place }
        }
        return places.last
    }

    /// The least of all; of several equal ones any.
    private func least(_ places: [Place], _ random: inout LoopRandom, by rank: (Place) -> Int128) -> Place? {
        var best: [Place] = []
        var lowest = Int128.max
        for place in places {
            let value = rank(place)
            if value < lowest { best.removeAll(keepingCapacity: true) }
            guard value <= lowest else { continue }
            lowest = value
            best.append(place)
        }
        return best.isEmpty ? nil : best[Int(random.next(below: UInt64(best.count)))]
    }
}
