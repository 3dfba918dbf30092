/// Places in a JSON text to watch for: names from the top down, `*` for each element of an array. At most 32 of them,
/// at most eight levels deep; built once for a kind of text.
package struct JSONPaths: Sendable {
    struct Name: Sendable {
        var bytes: [UInt8]
        /// The paths that have this name at this level.
        var mask: UInt32

        @inline(__always)
        func isEqual(_ other: Span<UInt8>, _ range: Range<Int>) -> Bool {
            guard bytes.count == range.count else { return false }
            var index = 0
            while index < bytes.count {
                guard bytes[index] == other[range.lowerBound &+ index] else { return false }
                index &+= 1
            }
            return true
        }
    }

    static let levelsMax = 8

    let count: Int
    /// Paths whose values' bytes are kept.
    let kept: UInt32
    /// By level: names, paths that take each element, and paths that end there.
    private(set) var names: [[Name]]
    private(set) var elements = InlineArray<8, UInt32>(repeating: 0)
    private(set) var ends = InlineArray<8, UInt32>(repeating: 0)

    /// Paths such as `usage` and `choices.*.delta.content`; an `=` before one keeps its value.
    package init(_ paths: [String]) {
        precondition(paths.count <= 32, "at most 32 paths")
        count = paths.count
        names = Array(repeating: [], count: JSONPaths.levelsMax)
        var kept: UInt32 = 0
        for (number, path) in paths.enumerated() {
            let bit: UInt32 = 1 << UInt32(number)
            if path.hasPrefix("=") { kept |= bit }
            let parts = path.drop { $0 == "=" }.split(separator: ".")
            precondition(!parts.isEmpty && parts.count <= JSONPaths.levelsMax, "one to eight levels")
            for (level, part) in parts.enumerated() {
                if part == "*" {
                    elements[level] |= bit
                } else if let known = names[level].firstIndex(where: { $0.bytes == Array(part.utf8) }) {
                    names[level][known].mask |= bit
                } else {
                    names[level].append(Name(bytes: Array(part.utf8), mask: bit))
                }
            }
            ends[parts.count - 1] |= bit
        }
        self.kept = kept
    }
}
