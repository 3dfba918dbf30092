/// A collision-free hash table over the known field names, compared eight bytes at a time and without regard to
/// case, so that finding out which field a line holds costs about as much as reading its name.
struct FieldNameTable: Sendable {
    static let shared = FieldNameTable()

    private static let slotBits = 9
    private let multiplier: UInt64
    /// Raw values of names by hash; 0 is none.
    private let slots: [UInt8]
    /// Four words a name: bytes 0..<8, 8..<16, 16..<24, and the last eight.
    private let words: [UInt64]
    private let counts: [UInt8]

    private init() {
        let names = FieldName.names
        var words: [UInt64] = []
        for name in names {
            let span = name.span
            let count = name.count
            words.append(count == 0 ? 0 : Word.load(span, 0, count: min(8, count)))
            words.append(count > 16 ? Word.load(span, 8) : 0)
            words.append(count > 24 ? Word.load(span, 16) : 0)
            words.append(count > 8 ? Word.load(span, count - 8) : 0)
        }
        self.words = words
        self.counts = names.map { UInt8($0.count) }
        // The set of names is fixed, so this search always ends at the same multiplier, after a few dozen tries.
        var multiplier: UInt64 = 0x9E37_79B9_7F4A_7C15
        while true {
            if let slots = FieldNameTable.fill(words, count: names.count, multiplier) {
                self.slots = slots
                self.multiplier = multiplier
                return
            }
            multiplier = multiplier &* 0xD134_2543_DE82_EF95 &+ 1 | 1
        }
    }

    private static func fill(_ words: [UInt64], count: Int, _ multiplier: UInt64) -> [UInt8]? {
        var slots = [UInt8](repeating: 0, count: 1 << slotBits)
        for raw in 1..<count {
            let slot = slot(words[raw * 4], words[raw * 4 + 3], multiplier)
            if slots[slot] != 0 { return nil }
            slots[slot] = UInt8(raw)
        }
        return slots
    }

    @inline(__always)
    private static func slot(_ first: UInt64, _ last: UInt64, _ multiplier: UInt64) -> Int {
        let mixed = (first ^ (last &<< 7 | last &>> 57)) &* multiplier
        return Int(truncatingIfNeeded: mixed &>> UInt64(64 - slotBits))
    }

    /// The raw value of the known name at `start..<start+count` of `input`, in any case; 0 when there is none.
    @inline(__always)
    func find(_ input: Span<UInt8>, _ start: Int, _ count: Int) -> UInt8 {
        guard count > 1, count <= 32 else { return 0 }
        // Setting bit 5 lower-cases letters; no other token byte becomes a letter, a digit or a dash by it.
        let fold: UInt64 = 0x2020_2020_2020_2020
        let first: UInt64
        var last: UInt64 = 0
        if count <= 8 {
            first = (Word.load(input, start, count: count) | fold) & Word.mask(count)
        } else {
            first = Word.load(input, start) | fold
            last = Word.load(input, start &+ count &- 8) | fold
        }
        let raw = slots[FieldNameTable.slot(first, last, multiplier)]
        let base = Int(raw) &* 4
        guard raw != 0, Int(counts[Int(raw)]) == count, words[base] == first, words[base &+ 3] == last else { return 0 }
        if count > 16, words[base &+ 1] != Word.load(input, start &+ 8) | fold { return 0 }
        if count > 24, words[base &+ 2] != Word.load(input, start &+ 16) | fold { return 0 }
        return raw
    }
}
