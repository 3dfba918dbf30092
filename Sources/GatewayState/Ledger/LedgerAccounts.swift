import GatewayModel
import GatewayPolicy
import GatewayWire

/// Accounts in memory, by number. An account with a call under way stays; an idle one whose state is in the store may
/// make room for another.
struct LedgerAccounts {
    struct Slot {
        var key: BudgetAccountKey
        var account = BudgetAccount()
        /// Calls under way on it.
        var openCount = 0
        /// The newest segment with a record of it; 0 when the store has everything.
        var segment = 0
        /// The segment that says what its number means.
        var definedIn = 0
        var isTouched = true
        var isUsed = true
    }

    /// An account's key with a hash of it: every call looks some up, and a hash of its parts one by one costs several
    /// times as much. Nobody outside can foresee it.
    private struct Name: Hashable {
        private static let seed = UInt64.random(in: .min ... .max)

        let key: BudgetAccountKey
        private let hash: UInt64

        init(_ key: consuming BudgetAccountKey) {
            var hash = Hash64(seed: Name.seed)
            hash.add(key.value.utf8Span.span)
            hash.add(key.tenant.utf8Span.span)
            hash.add(key.policy.utf8Span.span)
            self.hash = hash.value
            self.key = key
        }

        func hash(into hasher: inout Hasher) { hasher.combine(hash) }

        static func == (left: Name, right: Name) -> Bool { left.hash == right.hash && left.key == right.key }
    }

    let slotsMax: Int
    private var index: [Name: Int] = [:]
    var slots: [Slot] = []
    private var free: [Int] = []
    private var hand = 0
    /// Whether the store may know accounts that are not here.
    var hasMoreInStore = false
    private(set) var evictedCount = 0
    private(set) var reloadedCount = 0

    init(slotsMax: Int) { self.slotsMax = slotsMax }

    var count: Int { index.count }

    /// The number of an account, made or read from the store if need be; nil when all are in use.
    mutating func slot(
        _ key: consuming BudgetAccountKey, foldedThrough: Int, nowMilliseconds: Int,
        load: (BudgetAccountKey) -> BudgetAccount?
    ) -> Int? {
        let name = Name(key)
        if let found = index[name] {
            slots[found].isTouched = true
            return found
        }
        guard let slot = room(foldedThrough: foldedThrough, nowMilliseconds: nowMilliseconds) else { return nil }
        slots[slot] = Slot(key: name.key)
        if hasMoreInStore, let stored = load(name.key) {
            slots[slot].account = stored
            reloadedCount += 1
        }
        index[name] = slot
        return slot
    }

    /// How one of an account's limits stands.
    func standing(_ slot: Int, _ counter: Int) -> BudgetStanding {
        let slots = slots.span
        return slots[slot].account.standing(slots[slot].account.counters[counter], key: slots[slot].key)
    }

    /// The number of an account that is here.
    func find(_ key: BudgetAccountKey) -> Int? { index[Name(key)] }

    private mutating func room(foldedThrough: Int, nowMilliseconds: Int) -> Int? {
        if let slot = free.popLast() { return slot }
        if slots.count < slotsMax {
            slots.append(Slot(key: LedgerAccounts.nobody))
            return slots.count - 1
        }
        // Twice around at most: once to take the touch away, once to find what nobody has touched since.
        for _ in 0..<min(2 * slots.count, 4_096) {
            hand = hand + 1 < slots.count ? hand + 1 : 0
            guard slots[hand].openCount == 0, slots[hand].segment <= foldedThrough else { continue }
            if slots[hand].isTouched {
                slots[hand].isTouched = false
                continue
            }
            if !slots[hand].account.isBlank(nowMilliseconds: nowMilliseconds) { hasMoreInStore = true }
            index[Name(slots[hand].key)] = nil
            evictedCount += 1
            return hand
        }
        return nil
    }

    /// Drops accounts that say no more than new ones, among `count` slots from `start`.
    mutating func dropBlank(from start: Int, count: Int, foldedThrough: Int, nowMilliseconds: Int) {
        for slot in start..<min(start + count, slots.count)
        where slots[slot].isUsed && slots[slot].openCount == 0 && slots[slot].segment <= foldedThrough
            && slots[slot].account.isBlank(nowMilliseconds: nowMilliseconds)
        {
            index[Name(slots[slot].key)] = nil
            slots[slot] = Slot(key: LedgerAccounts.nobody)
            slots[slot].isUsed = false
            free.append(slot)
        }
    }

    private static let nobody = BudgetAccountKey(policy: "", scope: .key, tenant: "", value: "")
}
