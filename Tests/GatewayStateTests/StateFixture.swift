import Foundation
import GatewayModel
import GatewayPolicy
import Synchronization

@testable import GatewayState

/// A state folder of its own, with a clock that moves when it is told to. Nothing happens by itself: `fold` is called.
final class StateFixture: Sendable {
    let folder: String
    private let time: Mutex<Int>

    init(now: Int = 1_700_000_000_000) {
        folder = NSTemporaryDirectory() + "sluice-state-" + UUID().uuidString
        time = Mutex(now)
    }

    deinit { try? FileManager.default.removeItem(atPath: folder) }

    var now: Int {
        get { time.withLock { $0 } }
        set { time.withLock { $0 = newValue } }
    }

    func open(_ settings: LedgerSettings = LedgerSettings()) throws -> StateStore {
        // Weak: stores are dropped by tests as if their process had died.
        try StateStore(folder: folder, settings: settings) { [weak self] in self?.now ?? 0 }
    }

    /// The folder as a killed process leaves it: with the journal, and without a last word.
    func copyAfterCrash() throws -> StateFixture {
        let copy = StateFixture(now: now)
        try FileManager.default.copyItem(atPath: folder, toPath: copy.folder)
        return copy
    }

    static func table(_ limits: String..., scope: BudgetScope = .user) -> BudgetTable {
        BudgetTable([
            BudgetRule(name: "default/b", scope: scope, limits: limits.compactMap { BudgetLimit($0) })
        ])
    }

    static func facts(_ user: String = "alice", model: String = "fast") -> BudgetFacts {
        BudgetFacts(
            principal: Principal(
                proof: .apiKey, tenant: "acme", team: "search", user: user, groups: ["engineering"],
                credentialID: "key-1"),
            model: model)
    }

    static func demand(_ tokens: Int = 0, cost: String = "0") -> BudgetAmounts {
        BudgetAmounts(cost: Money(dollars: cost) ?? .zero, inputTokens: tokens, outputTokens: 0)
    }

    /// So many tokens for a call that is under way.
    static func more(_ tokens: Int) -> BudgetAmounts {
        BudgetAmounts(cost: .zero, inputTokens: tokens, outputTokens: 0, requests: 0, concurrent: 0)
    }

    static func row(_ facts: BudgetFacts, tokens: Int = 0, cost: String = "0") -> UsageRow {
        var row = UsageRow(facts.principal, model: facts.model, requestID: "r", timeMilliseconds: 0)
        row.usage.input = tokens
        row.cost = Money(dollars: cost) ?? .zero
        return row
    }
}

/// How a call fared, without the reservation.
enum Verdict: Equatable {
    case admitted
    case refused(remaining: Int128)
    case unavailable
}

extension Ledger {
    /// Reserves and settles at once.
    func spend(_ tokens: Int, actual: Int? = nil, of table: BudgetTable, user: String = "alice", now: Int) -> Verdict {
        let facts = StateFixture.facts(user)
        switch reserve(facts, StateFixture.demand(tokens), table, requestID: "r", nowMilliseconds: now) {
        case .admitted(let reservation):
            reservation.settle(StateFixture.row(facts, tokens: actual ?? tokens), nowMilliseconds: now)
            return .admitted
        case .refused(let refusal): return .refused(remaining: refusal.standing.remaining)
        case .unavailable: return .unavailable
        }
    }

    /// Reserves, and never comes back: as a process that is killed.
    func reserveAndDie(
        _ tokens: Int, of table: BudgetTable, user: String = "alice", now: Int
    ) -> Reservation.Ticket? {
        let outcome = book.withLock {
            $0.reserve(
                StateFixture.facts(user), StateFixture.demand(tokens), table, requestID: "lost", now: now
            ) { _ in nil }
        }
        if case .admitted(let ticket, _) = outcome { return ticket }
        return nil
    }

    /// What is left of the first policy's first limit.
    func remaining(of table: BudgetTable, user: String = "alice", now: Int) -> Int128? {
        let rule = table.rules[0]
        guard let key = rule.account(StateFixture.facts(user)) else { return nil }
        let first = lines(nowMilliseconds: now).first { $0.account == key && $0.unit == rule.limits[0].unit }
        return first?.remaining ?? rule.limits[0].max
    }
}
