import GatewayModel
import GatewayPolicy

/// A row of usage as it lies in its record of the journal, on its way into the store: its texts are not taken out.
struct UsageRecord {
    /// As the journal has them: from the request's id to the version of prices.
    static let textCount = 13

    let timeMilliseconds: Int
    let texts: InlineArray<13, Range<Int>>
    let groups: [Range<Int>]
    /// Input, cache read, cache written for 5 minutes and 1 hour, audio input, output, reasoning, audio output.
    let usage: InlineArray<8, Int>
    let picodollars: Int128
    let status: Int
    let outcome: UsageRow.Outcome
    let flags: Int
    let attempts: Int
    let durationMilliseconds: Int
    let firstTokenMilliseconds: Int?

    /// Nil for what no writer of ours has written.
    init?(_ reader: inout RecordReader) {
        guard let time = reader.count() else { return nil }
        var texts = InlineArray<13, Range<Int>>(repeating: 0..<0)
        for index in texts.indices {
            guard let range = reader.range() else { return nil }
            texts[index] = range
        }
        guard let groupCount = reader.count() else { return nil }
        var groups: [Range<Int>] = []
        for _ in 0..<groupCount {
            guard let range = reader.range() else { return nil }
            groups.append(range)
        }
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
        timeMilliseconds = time
        self.texts = texts
        self.groups = groups
        self.usage = usage
        picodollars = cost
        self.status = status
        self.outcome = UsageRow.Outcome.allCases[Int(outcome)]
        self.flags = Int(flags)
        self.attempts = attempts
        durationMilliseconds = duration
        firstTokenMilliseconds = firstToken > 0 ? firstToken - 1 : nil
    }
}
