import GatewayModel
import GatewayPolicy

/// A row of usage as it lies in its record of the journal, on its way into the store: its texts are not taken out.
struct UsageRecord {
    /// How a call ended, which many rows share too.
    struct Ending: Equatable {
        var status: Int
        var attempts: Int
        /// The outcome's place among all, and the flags.
        var outcome: UInt8
        var flags: UInt8
    }

    /// Texts that many rows share, as the journal has them: from the tenant to the version of prices.
    static let termCount = 12

    let timeMilliseconds: Int
    let requestID: Range<Int>
    /// The texts that are shared, and the groups behind them.
    let terms: Range<Int>
    /// Input, cache read, cache written for 5 minutes and 1 hour, audio input, output, reasoning, audio output.
    let usage: InlineArray<8, Int>
    let picodollars: Int128
    let ending: Ending
    let durationMilliseconds: Int
    let firstTokenMilliseconds: Int?

    /// Nil for what no writer of ours has written.
    init?(_ reader: inout RecordReader) {
        guard let time = reader.count(), let requestID = reader.range() else { return nil }
        let start = reader.index
        for _ in 0..<UsageRecord.termCount {
            guard reader.range() != nil else { return nil }
        }
        guard let groupCount = reader.count() else { return nil }
        for _ in 0..<groupCount {
            guard reader.range() != nil else { return nil }
        }
        terms = start..<reader.index
        var usage = InlineArray<8, Int>(repeating: 0)
        for index in usage.indices {
            guard let count = reader.count(), count <= UsageRow.tokensMax else { return nil }
            usage[index] = count
        }
        guard let cost = reader.wide(), let status = reader.count(), let outcome = reader.byte(),
            let flags = reader.byte(), let attempts = reader.count(), let duration = reader.count(),
            let firstToken = reader.count(), cost <= BudgetAmounts.costMax.picodollars,
            Int(outcome) < UsageRow.Outcome.allCases.count
        else { return nil }
        timeMilliseconds = min(time, UsageTable.timeMax)
        self.requestID = requestID
        self.usage = usage
        picodollars = cost
        ending = Ending(status: status, attempts: attempts, outcome: outcome, flags: flags)
        durationMilliseconds = duration
        firstTokenMilliseconds = firstToken > 0 ? firstToken - 1 : nil
    }
}
