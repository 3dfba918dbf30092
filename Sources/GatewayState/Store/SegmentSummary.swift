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
        private(set) var counters: [BudgetCounter] = []

        init(_ account: BudgetAccountKey) { self.account = account }

        fileprivate mutating func take(_ counter: BudgetCounter) {
            let known = counters.firstIndex { $0.unit == counter.unit && $0.window == counter.window }
            if let known { counters[known] = counter } else { counters.append(counter) }
        }
    }

    /// A call under way, its names still in the record.
    private struct Pending {
        var record: JournalRecord.Reserve
        /// Places in `standings`.
        var accounts: [Int]
        var names: RecordReader
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
            standings.append(Standing(account.key))
        case .reserve, .grow:
            guard let record = reader.reserve() else { return false }
            if kind == .grow, pending[record.id] == nil { grown.insert(record.id) }
            let accounts = record.accounts.compactMap { places[$0] }
            pending[record.id] = Pending(record: record, accounts: accounts, names: reader)
        case .settle:
            guard let id = reader.settled(), let counters = reader.counters(), let row = reader.row() else {
                return false
            }
            take(counters)
            let isOlder = grown.remove(id) != nil
            if pending.removeValue(forKey: id) == nil || isOlder { closed.append(id) }
            if let row { rows.append(row) }
        case .counters:
            guard let counters = reader.counters() else { return false }
            take(counters)
        }
        return true
    }

    private mutating func take(_ counters: [JournalRecord.Counter]) {
        for entry in counters {
            if let place = places[entry.account] { standings[place].take(entry.counter) }
        }
    }

    /// Takes the names out of the records of the calls that are left.
    private mutating func open() {
        for var call in pending.values {
            // A name that cannot be read takes no call off the books.
            let names = call.names.call() ?? OpenCall(texts: [])
            opened.append(
                Opened(record: call.record, call: names, accounts: call.accounts.map { standings[$0].account }))
        }
        pending = [:]
    }
}
