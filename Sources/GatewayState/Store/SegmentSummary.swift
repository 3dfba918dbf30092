import Foundation
import GatewayModel
import GatewayPolicy

/// What one segment comes to: most calls begin and end within it, so that little of it has to be written down.
struct SegmentSummary {
    struct Opened {
        var record: JournalRecord.Reserve
        var call: OpenCall
        var accounts: [BudgetAccountKey]
    }

    /// How an account stood at the end.
    struct Standing {
        let account: BudgetAccountKey
        /// Its number in the segment, which a later one may be given too.
        fileprivate let reference: Int
        private(set) var counters: [BudgetCounter] = []

        fileprivate init(_ account: JournalRecord.Account) {
            self.account = account.key
            reference = account.reference
        }

        fileprivate mutating func take(_ counter: BudgetCounter) {
            let known = counters.firstIndex { $0.unit == counter.unit && $0.window == counter.window }
            if let known { counters[known] = counter } else { counters.append(counter) }
        }
    }

    /// A call under way, still as it lies in its record.
    private struct Pending {
        var record: Range<Int>
        /// How many accounts had been told of when it was made.
        var standingCount: Int
    }

    /// What the segment holds: rows point into it.
    let bytes: [UInt8]
    private(set) var standings: [Standing] = []
    /// Calls that were still under way.
    private(set) var opened: [Opened] = []
    /// Calls of earlier segments that ended.
    private(set) var closed: [UInt64] = []
    private(set) var rows: [UsageRecord] = []
    private(set) var end = JournalSegment.End.whole
    private var pending: [UInt64: Pending] = [:]
    /// Where an account's number leads in `standings`.
    private var places: [Int: Int] = [:]
    /// Calls of earlier segments that hold more than those say.
    private var grown: Set<UInt64> = []

    init(_ bytes: [UInt8], sequence: Int) {
        // The closure must not take `self` while it is scanned into.
        var summary = SegmentSummary(bytes)
        let end = JournalSegment.scan(bytes, sequence: sequence) { kind, reader in summary.take(kind, &reader) }
        summary.end = end
        summary.open()
        self = summary
    }

    private init(_ bytes: [UInt8]) { self.bytes = bytes }

    private mutating func take(_ kind: JournalRecord.Kind, _ reader: inout RecordReader) -> Bool {
        switch kind {
        case .account:
            guard let account = reader.account() else { return false }
            places[account.reference] = standings.count
            standings.append(Standing(account))
        case .reserve, .grow:
            let record = reader.rest
            guard let id = reader.reserved() else { return false }
            let known = pending.updateValue(Pending(record: record, standingCount: standings.count), forKey: id)
            if kind == .grow, known == nil { grown.insert(id) }
        case .settle:
            guard let id = reader.settled(), takeCounters(&reader), let row = reader.row() else { return false }
            let isOlder = !grown.isEmpty && grown.remove(id) != nil
            if pending.removeValue(forKey: id) == nil || isOlder { closed.append(id) }
            if let row { rows.append(row) }
        case .counters: return takeCounters(&reader)
        }
        return true
    }

    private mutating func takeCounters(_ reader: inout RecordReader) -> Bool {
        reader.counters { entry in
            if let place = places[entry.account] { standings[place].take(entry.counter) }
        }
    }

    /// Reads the records of the calls that are left.
    private mutating func open() {
        for call in pending.values {
            var reader = RecordReader(bytes, call.record)
            guard let record = reader.reserve() else { continue }
            // A name that cannot be read takes no call off the books.
            let names = reader.call() ?? OpenCall(texts: [])
            let accounts = record.accounts.compactMap { account($0, before: call.standingCount) }
            opened.append(Opened(record: record, call: names, accounts: accounts))
        }
        pending = [:]
    }

    /// The account that a number meant when so many had been told of.
    private func account(_ reference: Int, before count: Int) -> BudgetAccountKey? {
        guard let latest = places[reference] else { return nil }
        let place = latest < count ? latest : standings[..<count].lastIndex { $0.reference == reference }
        return place.map { standings[$0].account }
    }
}
