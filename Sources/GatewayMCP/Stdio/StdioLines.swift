/// Cuts what a process writes into lines, however it comes; a line that is too long ends it.
struct StdioLines {
    private var held: [UInt8] = []
    private let bytesMax: Int
    private(set) var isTooLong = false
    /// Of lines with nothing in them.
    private(set) var emptyCount = 0

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    /// The lines that are now whole, without their ends; empty ones are left out.
    mutating func add(_ bytes: some Collection<UInt8>) -> [[UInt8]] {
        guard !isTooLong else { return [] }
        var lines: [[UInt8]] = []
        var rest = bytes[...]
        while let end = rest.firstIndex(of: 0x0A) {
            let line = held + rest[..<end]
            held.removeAll(keepingCapacity: true)
            rest = rest[rest.index(after: end)...]
            guard line.count <= bytesMax else {
                isTooLong = true
                return lines
            }
            let trimmed = line.last == 0x0D ? Array(line.dropLast()) : line
            if trimmed.contains(where: { $0 != 0x20 && $0 != 0x09 }) { lines.append(trimmed) } else { emptyCount += 1 }
        }
        guard held.count + rest.count <= bytesMax else {
            isTooLong = true
            held = []
            return lines
        }
        held += rest
        return lines
    }
}

/// When a process that keeps ending may be started again.
struct StdioBackOff {
    private var failures = 0
    private var startedNanoseconds: UInt64 = 0
    private var notBeforeNanoseconds: UInt64 = 0
    private static let first: UInt64 = 500_000_000
    private static let most: UInt64 = 30_000_000_000
    /// Who ran so long begins anew.
    private static let steady: UInt64 = 60_000_000_000

    /// nil: now.
    func waitNanoseconds(_ now: UInt64) -> UInt64? {
        now < notBeforeNanoseconds ? notBeforeNanoseconds - now : nil
    }

    mutating func started(_ now: UInt64) { startedNanoseconds = now }

    /// It ended without being told to.
    mutating func ended(_ now: UInt64) {
        failures = now &- startedNanoseconds >= Self.steady ? 1 : min(failures + 1, 16)
        let wait = min(Self.first << UInt64(failures - 1), Self.most)
        notBeforeNanoseconds = now &+ wait
    }
}

/// What a process may say that nobody has asked for: so much at once, and so much each second. Answers, and what comes
/// while a request is under way, are paced instead.
struct StdioAllowance {
    static let linesMax = 20_000
    static let linesPerSecond = 2_000
    static let bytesMax = 64 << 20
    static let bytesPerSecond = 4 << 20
    private var lines = StdioAllowance.linesMax
    private var bytes = StdioAllowance.bytesMax
    private var filledNanoseconds: UInt64 = 0

    /// False: it floods.
    mutating func take(lines lineCount: Int, bytes byteCount: Int, now: UInt64) -> Bool {
        // Filled before it is used: what has not been used for long is full, and not more than that.
        let milliseconds = (now &- filledNanoseconds) / 1_000_000
        if milliseconds > 0 {
            let passed = Int(min(milliseconds, 60_000))
            lines = min(StdioAllowance.linesMax, lines + passed * StdioAllowance.linesPerSecond / 1_000)
            bytes = min(StdioAllowance.bytesMax, bytes + passed * StdioAllowance.bytesPerSecond / 1_000)
            filledNanoseconds &+= milliseconds &* 1_000_000
        }
        lines -= lineCount
        bytes -= byteCount
        return lines >= 0 && bytes >= 0
    }

    init(_ now: UInt64) { filledNanoseconds = now }
}

/// The last bytes of something endless.
struct StdioTail {
    private(set) var bytes: [UInt8] = []
    private let bytesMax: Int

    init(bytesMax: Int) { self.bytesMax = bytesMax }

    mutating func add(_ more: some Collection<UInt8>) {
        bytes += more.suffix(bytesMax)
        if bytes.count > bytesMax { bytes.removeFirst(bytes.count - bytesMax) }
    }
}
