/// Places in a JSON text to watch for: names from the top down, `*` for each element of an array. At most 32 of them,
/// at most eight levels deep; built once for a kind of text.
package final class JSONPaths: Sendable {
    private struct Name {
        let bytes: [UInt8]
        var mask: UInt32
    }

    /// A name by its first bytes, so that most comparisons are one, and its length.
    struct Head: Sendable {
        let word: UInt64
        let count: UInt32
        /// The paths that have this name at this level.
        let mask: UInt32
    }

    static let levelsMax = 8

    let count: Int
    /// Paths whose values' bytes are kept.
    let kept: UInt32
    /// Paths whose objects and arrays count with all their bytes, as strings do.
    let sized: UInt32
    /// Level by level; those of a level lie at `starts[level]..<starts[level + 1]`.
    private let heads: [Head]
    private let starts: InlineArray<9, Int>
    /// All of each name.
    private let names: [[UInt8]]
    /// By level: paths that have a name there, paths that take each element, and paths that end there.
    let named, elements, ends: InlineArray<8, UInt32>

    /// Paths such as `usage` and `choices.*.delta.content`; an `=` before one keeps its value, a `#` counts the bytes
    /// of an object or array, not of one within another.
    package init(_ paths: [String]) {
        precondition(paths.count <= 32, "at most 32 paths")
        count = paths.count
        var names = [[Name]](repeating: [], count: JSONPaths.levelsMax)
        var (kept, sized): (UInt32, UInt32) = (0, 0)
        var named = InlineArray<8, UInt32>(repeating: 0)
        var elements = InlineArray<8, UInt32>(repeating: 0)
        var ends = InlineArray<8, UInt32>(repeating: 0)
        for (number, path) in paths.enumerated() {
            let bit: UInt32 = 1 << UInt32(number)
            if path.hasPrefix("=") { kept |= bit }
            if path.hasPrefix("#") { sized |= bit }
            let parts = path.drop { $0 == "=" || $0 == "#" }.split(separator: ".")
            precondition(!parts.isEmpty && parts.count <= JSONPaths.levelsMax, "one to eight levels")
            for (level, part) in parts.enumerated() {
                if part != "*" { named[level] |= bit }
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
        (self.named, self.elements, self.ends) = (named, elements, ends)
        self.names = names.joined().map(\.bytes)
        heads = names.joined().map { name in
            Head(
                word: Word.load(name.bytes.span, 0, count: min(8, name.bytes.count)), count: UInt32(name.bytes.count),
                mask: name.mask)
        }
    }

    /// The paths that have this name at this level: where it lies in the bytes.
    @inline(__always)
    func mask(_ bytes: Span<UInt8>, _ name: Range<Int>, level: Int) -> UInt32 {
        guard !name.isEmpty else { return 0 }
        let word = Word.load(bytes, name.lowerBound, count: min(8, name.count))
        var index = starts[level]
        let end = starts[level &+ 1]
        while index < end {
            if heads[index].word == word, Int(heads[index].count) == name.count {
                let whole = names[index]
                if name.count <= 8 || Word.equals(whole.span, bytes.extracting(name)) { return heads[index].mask }
            }
            index &+= 1
        }
        return 0
    }
}
