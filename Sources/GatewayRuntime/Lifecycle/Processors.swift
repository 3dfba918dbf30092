import NIOCore

/// The processors this process may run on.
package enum Processors {
    /// How many there are, at least one: those of the machine or its control group, less what `taskset` or a scheduler
    /// took away. More loops than that only take turns.
    package static var usable: Int {
        let lines = ProcessFile.read("status")?.split(separator: "\n") ?? []
        let allowed = lines.lazy.compactMap { count(in: $0) }.first
        return max(1, min(System.coreCount, allowed ?? System.coreCount))
    }

    /// How many processors the line `Cpus_allowed: f,ffffffff` (a tab between) allows: a mask in hexadecimal.
    static func count(in line: Substring) -> Int? {
        let words = line.split(whereSeparator: { $0 == "\t" || $0 == " " })
        guard words.count == 2, words[0] == "Cpus_allowed:" else { return nil }
        var count = 0
        for digit in words[1] where digit != "," {
            guard let value = digit.hexDigitValue else { return nil }
            count += value.nonzeroBitCount
        }
        return count
    }
}
