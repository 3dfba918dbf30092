/// An immutable hash table from (seed, bytes) to a number. Look-ups allocate nothing and take slices of a request as
/// they are. Keys come from the configuration, so a client cannot choose them to collide; what it asks for costs one
/// pass over its bytes and a probe.
struct ByteTable: Sendable {
    private struct Key: Sendable {
        var seed: Int
        var start: Int
        var count: Int
        var value: Int
    }

    /// Index into `keys` plus one; 0 is free. At most half full.
    private var slots: [Int32] = [0]
    private var keys: [Key] = []
    private var bytes: [UInt8] = []

    var count: Int { keys.count }

    /// Adds a key that is not there yet.
    mutating func insert(seed: Int = 0, _ key: some Collection<UInt8>, value: Int) {
        keys.append(Key(seed: seed, start: bytes.count, count: key.count, value: value))
        bytes.append(contentsOf: key)
        if keys.count * 2 > slots.count {
            slots = [Int32](repeating: 0, count: slots.count * 2)
            for index in keys.indices { place(index) }
        } else {
            place(keys.count - 1)
        }
    }

    private mutating func place(_ index: Int) {
        let key = keys[index]
        var slot = ByteTable.hash(seed: key.seed, bytes.span, key.start..<(key.start + key.count)) & (slots.count - 1)
        while slots[slot] != 0 { slot = (slot + 1) & (slots.count - 1) }
        slots[slot] = Int32(index + 1)
    }

    /// The value of a key, -1 when there is none.
    func find(seed: Int = 0, _ source: Span<UInt8>, _ range: Range<Int>) -> Int {
        if keys.isEmpty { return -1 }
        let mask = slots.count &- 1
        var slot = ByteTable.hash(seed: seed, source, range) & mask
        while slots[slot] != 0 {
            let index = Int(slots[slot]) &- 1
            if equals(index, seed: seed, source, range) { return keys[index].value }
            slot = (slot &+ 1) & mask
        }
        return -1
    }

    private func equals(_ index: Int, seed: Int, _ source: Span<UInt8>, _ range: Range<Int>) -> Bool {
        let start = keys[index].start
        guard keys[index].seed == seed, keys[index].count == range.count else { return false }
        for offset in 0..<range.count
        where bytes[start &+ offset] != source[range.lowerBound &+ offset] {
            return false
        }
        return true
    }

    /// FNV-1a with a last mix, since only low bits are used.
    private static func hash(seed: Int, _ source: Span<UInt8>, _ range: Range<Int>) -> Int {
        var value: UInt64 = 0xCBF2_9CE4_8422_2325 ^ UInt64(truncatingIfNeeded: seed &* 0x9E37_79B9)
        for index in range { value = (value ^ UInt64(source[index])) &* 0x100_0000_01B3 }
        return Int(truncatingIfNeeded: value ^ (value >> 32))
    }
}
