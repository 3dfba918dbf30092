package import GatewayModel
package import GatewayPolicy
import Synchronization

/// One limit of one account, as lists show it.
package struct BudgetLine: Sendable, Equatable {
    package var account: BudgetAccountKey
    package var unit: BudgetUnit
    package var window: BudgetWindow
    package var limit: Int128
    package var spent: Int128
    package var reserved: Int128
    /// Spent beyond the limit: paid off by the windows to come.
    package var debt: Int128
    package var remaining: Int128
    package var resetMilliseconds: Int?
    /// Calls under way on the account.
    package var callCount: Int

    static func lines(
        _ key: BudgetAccountKey, _ account: BudgetAccount, callCount: Int, nowMilliseconds: Int
    ) -> [BudgetLine] {
        account.counters.map { counter in
            var counter = counter
            counter.roll(nowMilliseconds: nowMilliseconds)
            let standing = account.standing(counter, key: key)
            return BudgetLine(
                account: key, unit: counter.unit, window: counter.window, limit: counter.max, spent: counter.spent,
                reserved: account.reserved[counter.unit], debt: counter.debt, remaining: standing.remaining,
                resetMilliseconds: standing.resetMilliseconds, callCount: callCount)
        }
    }
}

/// Which accounts are meant; what is nil does not matter.
package struct BudgetFilter: Sendable, Equatable {
    package var policy: String?
    package var scope: BudgetScope?
    package var tenant: String?
    package var value: String?

    package init() {}

    package func matches(_ key: BudgetAccountKey) -> Bool {
        policy.map { $0 == key.policy } ?? true && scope.map { $0 == key.scope } ?? true
            && tenant.map { $0 == key.tenant } ?? true && value.map { $0 == key.value } ?? true
    }
}

extension Ledger {
    /// Accounts looked at under one lock.
    private static let step = 500

    /// The accounts in memory that have limits.
    package func lines(_ filter: BudgetFilter = BudgetFilter(), nowMilliseconds: Int) -> [BudgetLine] {
        var lines: [BudgetLine] = []
        forEachStep { slot in
            guard filter.matches(slot.key) else { return }
            lines += BudgetLine.lines(
                slot.key, slot.account, callCount: slot.openCount, nowMilliseconds: nowMilliseconds)
        }
        return lines
    }

    /// What the accounts in memory have spent beyond their limits: those of tokens of any kind together.
    package func debts(nowMilliseconds now: Int) -> (accounts: Int, money: Money, tokens: Int128) {
        var debts: (accounts: Int, money: Money, tokens: Int128) = (0, .zero, 0)
        forEachStep { slot in
            var owes = false
            for counter in slot.account.counters where counter.spent > counter.max {
                var counter = counter
                counter.roll(nowMilliseconds: now)
                guard counter.debt > 0 else { continue }
                owes = true
                switch counter.unit {
                case .usd: debts.money += Money(picodollars: counter.debt)
                case .tokens, .inputTokens, .outputTokens: debts.tokens += counter.debt
                case .requests, .concurrent, .bytes: break
                }
            }
            if owes { debts.accounts += 1 }
        }
        return debts
    }

    private func forEachStep(_ body: (LedgerAccounts.Slot) -> Void) {
        var start = 0
        while true {
            let slots = book.withLock { book in
                let slots = book.accounts.slots
                return Array(slots[min(start, slots.count)..<min(start + Ledger.step, slots.count)])
            }
            for slot in slots where slot.isUsed { body(slot) }
            if slots.count < Ledger.step { return }
            start += Ledger.step
        }
    }

    /// Whether an account is in memory.
    func holds(_ key: BudgetAccountKey) -> Bool { book.withLock { $0.accounts.find(key) != nil } }

    /// Forgets what the accounts have spent and owe; what is under way stays reserved. Returns which they were.
    func reset(_ filter: BudgetFilter, nowMilliseconds: Int) -> Set<BudgetAccountKey> {
        var keys: Set<BudgetAccountKey> = []
        var start = 0
        while true {
            let isLast = book.withLock { book in
                let end = min(start + Ledger.step, book.accounts.slots.count)
                for index in start..<end
                where book.accounts.slots[index].isUsed && filter.matches(book.accounts.slots[index].key) {
                    book.accounts.slots[index].account.roll(nowMilliseconds: nowMilliseconds)
                    book.accounts.slots[index].account.reset()
                    _ = book.state(of: [index])
                    keys.insert(book.accounts.slots[index].key)
                }
                return end == book.accounts.slots.count
            }
            if isLast { return keys }
            start += Ledger.step
        }
    }
}
