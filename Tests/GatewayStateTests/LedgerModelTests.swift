import GatewayModel
import GatewayPolicy
import Testing

@testable import GatewayState

@Suite("The ledger agrees with a simple model of itself")
struct LedgerModelTests {
    /// The model: a list of what happened, added up from the beginning each time.
    private struct Model {
        struct Call {
            var user: Int
            var demand: Int
        }

        /// Spent of one user in one window length, with debt, rolled by hand.
        struct Window {
            var seconds: Int
            var max: Int
            var number = 0
            var spent = 0

            mutating func roll(_ now: Int) {
                let current = now / (seconds * 1_000)
                while number < current {
                    spent = Swift.max(0, spent - max)
                    number += 1
                    // Long idle stretches need no counting.
                    if spent == 0 { number = current }
                }
            }
        }

        var windows: [[Window]]
        var open: [Int: Call] = [:]

        func reserved(_ user: Int) -> Int { open.values.filter { $0.user == user }.reduce(0) { $0 + $1.demand } }

        mutating func admits(_ user: Int, _ demand: Int, now: Int) -> Bool {
            for index in windows[user].indices {
                windows[user][index].roll(now)
                let window = windows[user][index]
                if demand > 0, window.spent + reserved(user) + demand > window.max { return false }
            }
            return true
        }

        mutating func settle(_ call: Call, _ actual: Int, now: Int) {
            for index in windows[call.user].indices {
                windows[call.user][index].roll(now)
                windows[call.user][index].spent += actual
            }
        }
    }

    @Test("random reserve, settle, release, restart and time", arguments: 0..<12 as Range<UInt64>)
    func random(seed: UInt64) throws {
        let fixture = StateFixture()
        var settings = LedgerSettings()
        settings.accountsMax = 6
        settings.segmentBytesMax = 4_000
        var store = try fixture.open(settings)
        var random = SplitMix(state: seed)
        let table = StateFixture.table("100tokens/1m", "400tokens/1h")
        let windows = [Model.Window(seconds: 60, max: 100), Model.Window(seconds: 3_600, max: 400)]
        var model = Model(windows: Array(repeating: windows, count: 4))
        var tickets: [Int: (ticket: Reservation.Ticket, user: Int)] = [:]
        var next = 0
        for step in 0..<600 {
            switch random.next() % 20 {
            case 0..<9:
                let user = Int(random.next() % 4)
                let demand = Int(random.next() % 45)
                let isAdmitted = model.admits(user, demand, now: fixture.now)
                let ticket = store.ledger.reserveAndDie(demand, of: table, user: "user-\(user)", now: fixture.now)
                #expect((ticket != nil) == isAdmitted, "step \(step)")
                guard let ticket, isAdmitted else { break }
                model.open[next] = Model.Call(user: user, demand: demand)
                tickets[next] = (ticket, user)
                next += 1
            case 9..<16:
                guard let number = tickets.keys.min(), let call = model.open.removeValue(forKey: number),
                    let held = tickets.removeValue(forKey: number)
                else { break }
                // Now and then a call takes more than was reserved for it.
                let actual = random.next() % 10 == 0 ? call.demand + 30 : Int(random.next() % UInt64(call.demand + 1))
                let facts = StateFixture.facts("user-\(held.user)")
                model.settle(call, actual, now: fixture.now)
                var row = StateFixture.row(facts, tokens: actual)
                store.ledger.settle(held.ticket, lent: &row, nowMilliseconds: fixture.now)
            case 16:
                guard let number = tickets.keys.max(), let held = tickets.removeValue(forKey: number) else { break }
                model.open[number] = nil
                store.ledger.release(held.ticket, nowMilliseconds: fixture.now)
            case 17: fixture.now += Int(random.next() % 90_000)
            case 18: store.fold()
            default:
                guard tickets.isEmpty else { break }
                store.close()
                store = try fixture.open(settings)
            }
        }
        for user in 0..<4 {
            for index in model.windows[user].indices { model.windows[user][index].roll(fixture.now) }
            var filter = BudgetFilter()
            filter.value = "user-\(user)"
            let lines = try store.budgets(filter)
            for window in model.windows[user] {
                let line = lines.first { $0.window.seconds == window.seconds }
                #expect(Int(line?.spent ?? 0) == window.spent)
                #expect(Int(line?.reserved ?? 0) == model.reserved(user))
            }
        }
    }
}
