import Foundation
import GatewayModel
import GatewayPolicy

/// What one segment comes to: most calls begin and end within it, so that little of it has to be written down.
struct SegmentSummary {
    struct Opened {
        var record: JournalRecord.Reserve
        var accounts: [BudgetAccountKey]
    }

    struct CounterKey: Hashable {
        var account: BudgetAccountKey
        var unit: BudgetUnit
        var window: BudgetWindow
    }

    /// How counters stood at the end.
    private(set) var counters: [CounterKey: BudgetCounter] = [:]
    /// Calls that were still under way.
    private(set) var opened: [UInt64: Opened] = [:]
    /// Calls of earlier segments that ended.
    private(set) var closed: [UInt64] = []
    private(set) var rows: [UsageRow] = []
    private(set) var end = JournalSegment.End.whole
    private var keys: [Int: BudgetAccountKey] = [:]
    /// Calls of earlier segments that hold more than those say.
    private var grown: Set<UInt64> = []

    /// Nil if the file cannot be read.
    init?(path: String, sequence: Int) {
        guard let data = FileManager.default.contents(atPath: path) else { return nil }
        self.init(Array(data), sequence: sequence)
    }

    init(_ bytes: [UInt8], sequence: Int) {
        // The closure must not take `self` while it is scanned into.
        var summary = SegmentSummary()
        let end = JournalSegment.scan(bytes, sequence: sequence) { kind, reader in summary.take(kind, &reader) }
        summary.end = end
        self = summary
    }

    private init() {}

    private mutating func take(_ kind: JournalRecord.Kind, _ reader: inout RecordReader) -> Bool {
        switch kind {
        case .account:
            guard let account = reader.account() else { return false }
            keys[account.reference] = account.key
        case .reserve:
            guard let record = reader.reserve() else { return false }
            opened[record.id] = Opened(record: record, accounts: record.accounts.compactMap { keys[$0] })
        case .grow:
            guard let record = reader.reserve() else { return false }
            if opened[record.id] == nil { grown.insert(record.id) }
            opened[record.id] = Opened(record: record, accounts: record.accounts.compactMap { keys[$0] })
        case .settle:
            guard let record = reader.settle() else { return false }
            let isOlder = grown.remove(record.id) != nil
            if opened.removeValue(forKey: record.id) == nil || isOlder { closed.append(record.id) }
            take(record.counters)
            if let row = record.row { rows.append(row) }
        case .counters:
            guard let counters = reader.counters() else { return false }
            take(counters)
        }
        return true
    }

    private mutating func take(_ list: [JournalRecord.Counter]) {
        for entry in list {
            guard let key = keys[entry.account] else { continue }
            counters[CounterKey(account: key, unit: entry.counter.unit, window: entry.counter.window)] = entry.counter
        }
    }
}
