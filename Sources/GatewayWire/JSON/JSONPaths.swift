/// Places in a JSON text to watch for: names from the top down, `*` for each element of an array. At most 32 of them,
/// at most eight levels deep; built once for a kind of text.
package struct JSONPaths: Sendable {
    struct Name: Sendable {
        var bytes: [UInt8]
        /// The paths that have this name at this level.
        var mask: UInt32

        func isEqual(_ other: Span<UInt8>) -> Bool { Word.equals(bytes.span, other) }
    }

    static let levelsMax = 8

    let count: Int
    /// Paths whose values' bytes are kept.
    let kept: UInt32
    /// Paths whose objects and arrays count with all their bytes, as strings do.
    let sized: UInt32
    /// Level by level; those of a level lie at `starts[level]..<starts[level + 1]`.
    let names: [Name]
    let starts: InlineArray<9, Int>
    /// The first bytes of each name, so that most comparisons are one, and its length.
    let heads: [(word: UInt64, count: Int)]
    /// By level: paths that take each element, and paths that end there.
    private(set) var elements = InlineArray<8, UInt32>(repeating: 0)
    private(set) var ends = InlineArray<8, UInt32>(repeating: 0)

    /// Paths such as `usage` and `choices.*.delta.content`; an `=` before one keeps its value, a `#` counts the bytes
    /// of an object or array, not of one within another.
    package init(_ paths: [String]) {
        precondition(paths.count <= 32, "at most 32 paths")
        count = paths.count
        var names = [[Name]](repeating: [], count: JSONPaths.levelsMax)
        var (kept, sized): (UInt32, UInt32) = (0, 0)
        for (number, path) in paths.enumerated() {
            let bit: UInt32 = 1 << UInt32(number)
            if path.hasPrefix("=") { kept |= bit }
            if path.hasPrefix("#") { sized |= bit }
            let parts = path.drop { $0 == "=" || $0 == "#" }.split(separator: ".")
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
        self.sized = sized
        var starts = InlineArray<9, Int>(repeating: 0)
        for level in names.indices { starts[level + 1] = starts[level] + names[level].count }
        self.starts = starts
        self.names = Array(names.joined())
        heads = self.names.map { name in
            (Word.load(name.bytes.span, 0, count: min(8, name.bytes.count)), name.bytes.count)
        }
    }
}
