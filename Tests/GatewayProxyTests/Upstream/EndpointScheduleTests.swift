import Testing

@testable import GatewayProxy

@Suite("A schedule says which endpoints may be chosen and how often")
struct EndpointScheduleTests {
    struct Case: CustomTestStringConvertible, Sendable {
        var name: String
        var views: [EndpointView]
        var members: [Int]
        var mode: EndpointSchedule.Mode
        var testDescription: String { name }
    }

    static let cases: [Case] = [
        Case(name: "nothing", views: [], members: [], mode: .normal),
        Case(
            name: "all well", views: [EndpointView(weight: 1), EndpointView(weight: 3)], members: [0, 1],
            mode: .normal),
        Case(
            name: "weight 0 is never chosen", views: [EndpointView(weight: 0), EndpointView(weight: 1)], members: [1],
            mode: .normal),
        Case(name: "only weight 0", views: [EndpointView(weight: 0)], members: [], mode: .normal),
        Case(
            name: "one ill", views: [EndpointView(weight: 1, isHealthy: false), EndpointView(weight: 1)], members: [1],
            mode: .normal),
        Case(
            name: "one ejected", views: [EndpointView(weight: 1, ejectedUntil: 101), EndpointView(weight: 1)],
            members: [1], mode: .normal),
        Case(
            name: "an ejection that is over",
            views: [EndpointView(weight: 1, ejectedUntil: 100), EndpointView(weight: 1)],
            members: [0, 1], mode: .normal),
        Case(
            name: "all ejected: as if none were",
            views: [EndpointView(weight: 1, ejectedUntil: 200), EndpointView(weight: 1, ejectedUntil: 300)],
            members: [0, 1], mode: .ignoringEjection),
        Case(
            name: "one ill, the rest ejected: the ejected ones",
            views: [EndpointView(weight: 1, isHealthy: false), EndpointView(weight: 1, ejectedUntil: 300)],
            members: [1], mode: .ignoringEjection),
        Case(
            name: "all ill: none",
            views: [EndpointView(weight: 1, isHealthy: false), EndpointView(weight: 1, isHealthy: false)],
            members: [], mode: .noneHealthy),
    ]

    @Test("Only well endpoints are members, or ejected ones when no other passes its check", arguments: cases)
    func eligibility(_ example: Case) {
        let schedule = EndpointSchedule(views: example.views, slowStart: 0, now: 100)
        #expect(schedule.members == example.members)
        #expect(schedule.mode == example.mode)
        for position in example.views.indices {
            #expect(schedule.isMember(position) == example.members.contains(position))
        }
    }

    @Test(
        "A round gives each endpoint its weight", arguments: [[5, 1, 1], [1, 1, 1], [3, 2], [100, 50, 25, 25], [7]])
    func roundIsProportional(_ weights: [Int]) {
        let schedule = EndpointSchedule(views: weights.map { EndpointView(weight: $0) }, slowStart: 0, now: 1)
        let smallest = weights.min() ?? 1
        let turns = weights.indices.map { position in schedule.order.count { Int($0) == position } }
        for position in weights.indices {
            #expect(turns[position] * smallest == weights[position] * (turns.min() ?? 0))
        }
    }

    @Test(
        "Turns are spread over the round, not clumped", arguments: [[5, 1, 1], [9, 3], [4, 3, 2, 1], [50, 30, 20]])
    func roundIsSmooth(_ weights: [Int]) {
        let schedule = EndpointSchedule(views: weights.map { EndpointView(weight: $0) }, slowStart: 0, now: 1)
        let order = schedule.order.map { Int($0) }
        let total = weights.reduce(0, +)
        for position in weights.indices {
            // In every window an endpoint has its share of turns, two more or less.
            for start in order.indices {
                var seen = 0
                for length in 1...order.count {
                    if order[(start + length - 1) % order.count] == position { seen += 1 }
                    let share = Double(length * weights[position]) / Double(total)
                    #expect(abs(Double(seen) - share) <= 2)
                }
            }
        }
    }

    @Test("Large weights are scaled to a round of bounded length")
    func roundIsBounded() {
        let views = [EndpointView(weight: 1_000_003), EndpointView(weight: 500_009), EndpointView(weight: 1)]
        let schedule = EndpointSchedule(views: views, slowStart: 0, now: 1)
        #expect(schedule.order.count <= EndpointSchedule.orderCountMax + views.count)
        let first = schedule.order.count { $0 == 0 }
        let second = schedule.order.count { $0 == 1 }
        #expect(schedule.order.contains(2))
        #expect(abs(Double(first) / Double(second) - 2) < 0.02)
    }

    @Test("Random choice follows the weights")
    func randomFollowsWeights() {
        let weights = [1, 2, 7]
        let schedule = EndpointSchedule(views: weights.map { EndpointView(weight: $0) }, slowStart: 0, now: 1)
        var random = FixedRandom(seed: 11)
        var counts = [0, 0, 0]
        for _ in 0..<100_000 { counts[schedule.member(random: random.next())] += 1 }
        for position in weights.indices {
            #expect(abs(counts[position] - weights[position] * 10_000) < 600)
        }
    }

    @Test(
        "Slow start grows from a tenth to all of the weight",
        arguments: [(0, 100), (100, 190), (500, 550), (999, 999), (1000, 1000), (5000, 1000)])
    func warmUp(_ age: UInt64, _ permille: UInt64) {
        let second = UpstreamFixture.second
        let view = EndpointView(weight: 1, warmSince: 7 * second)
        let now = 7 * second + age * 1_000_000
        #expect(EndpointSchedule.warmPermille(view, slowStart: second, now: now) == permille)
    }

    @Test("Coming back from an ejection is a slow start too; without slow start nothing warms up")
    func warmUpAfterEjection() {
        let second = UpstreamFixture.second
        let view = EndpointView(weight: 1, ejectedUntil: 9 * second, warmSince: 1)
        let now = 9 * second + second / 2
        #expect(EndpointSchedule.warmPermille(view, slowStart: second, now: now) == 550)
        #expect(EndpointSchedule.warmPermille(view, slowStart: 0, now: now) == 1000)
        #expect(EndpointSchedule.warmPermille(EndpointView(weight: 1), slowStart: second, now: 5) == 1000)
    }

    @Test("While an endpoint warms up it gets less, and more with each step")
    func warmShare() {
        let second = UpstreamFixture.second
        let views = [EndpointView(weight: 1, warmSince: second), EndpointView(weight: 1)]
        var shares: [Double] = []
        for age in [0, 3, 6, 10] as [UInt64] {
            let schedule = EndpointSchedule(views: views, slowStart: 10 * second, now: second + age * second)
            shares.append(Double(schedule.order.count { $0 == 0 }) / Double(schedule.order.count))
        }
        #expect(shares == shares.sorted())
        #expect(shares[0] < 0.1)
        #expect(shares[3] == 0.5)
    }

    @Test("A schedule lasts until the next ejection ends or the next step of a warm-up")
    func validity() {
        let second = UpstreamFixture.second
        let views = [
            EndpointView(weight: 1, ejectedUntil: 30 * second), EndpointView(weight: 1, ejectedUntil: 20 * second),
            EndpointView(weight: 1),
        ]
        #expect(EndpointSchedule(views: views, slowStart: 0, now: second).validUntil == 20 * second)
        #expect(EndpointSchedule(views: [EndpointView(weight: 1)], slowStart: 0, now: second).validUntil == .max)
        let warming = [EndpointView(weight: 1, warmSince: second), EndpointView(weight: 1)]
        #expect(EndpointSchedule(views: warming, slowStart: 10 * second, now: second).validUntil == second + second / 2)
    }
}
