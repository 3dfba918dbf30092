/// How much of an event its record says: less where all of it would be too long.
struct RecordLimits {
    /// Longer texts are cut.
    var textBytes = 4_096
    /// Longer lists are cut.
    var listCount = Int.max
    /// Bodies are there as texts, and not as their hashes only.
    var hasBodies = true

    static let full = RecordLimits()
    static let short = RecordLimits(textBytes: 192, hasBodies: false)
    /// Digests and the names of workloads are still whole.
    static let least = RecordLimits(textBytes: 96, listCount: 16, hasBodies: false)
}

/// Writes a record's JSON in canonical form (RFC 8785) without a tree. Whoever calls it writes members in the order of
/// their names; a debug build checks that.
struct RecordJSON {
    let buffer: RecordBuffer
    var limits = RecordLimits.full
    private var needsComma = false

    init(_ buffer: RecordBuffer) { self.buffer = buffer }

    /// Members whose names and values never change, without their first comma.
    @inline(__always)
    mutating func constant(_ members: StaticString) {
        separate()
        buffer.append(members)
        needsComma = true
    }

    @inline(__always)
    mutating func object(_ name: StaticString, _ body: (inout RecordJSON) -> Void) {
        key(name)
        object(body)
    }

    @inline(__always)
    mutating func object(_ body: (inout RecordJSON) -> Void) {
        separate()
        buffer.append(0x7B)
        needsComma = false
        body(&self)
        buffer.append(0x7D)
        needsComma = true
    }

    @inline(__always)
    mutating func array(_ name: StaticString, _ body: (inout RecordJSON) -> Void) {
        key(name)
        buffer.append(0x5B)
        needsComma = false
        body(&self)
        buffer.append(0x5D)
        needsComma = true
    }

    /// A text; an empty one is left out.
    @inline(__always)
    mutating func member(_ name: StaticString, _ text: String) {
        guard !text.isEmpty else { return }
        key(name)
        quote(text)
        needsComma = true
    }

    @inline(__always)
    mutating func member(_ name: StaticString, _ text: String?) {
        if let text { member(name, text) }
    }

    @inline(__always)
    mutating func member(_ name: StaticString, _ value: Int) {
        key(name)
        number(value)
        needsComma = true
    }

    /// A number as a text.
    @inline(__always)
    mutating func member(_ name: StaticString, digits value: Int) {
        key(name)
        buffer.append(0x22)
        buffer.append(decimal: value)
        buffer.append(0x22)
        needsComma = true
    }

    @inline(__always)
    mutating func member(_ name: StaticString, _ value: Bool) {
        key(name)
        buffer.append(value ? "true" : "false")
        needsComma = true
    }

    mutating func member(_ name: StaticString, list: [String]) {
        guard !list.isEmpty else { return }
        array(name) { json in for item in list.prefix(json.limits.listCount) { json.item(item) } }
    }

    /// 32 hexadecimal digits.
    @inline(__always)
    mutating func member(_ name: StaticString, id: (UInt64, UInt64)) {
        guard id.0 | id.1 != 0 else { return }
        key(name)
        buffer.append(0x22)
        buffer.append(hex: id.0)
        buffer.append(hex: id.1)
        buffer.append(0x22)
        needsComma = true
    }

    mutating func item(_ text: String) {
        separate()
        quote(text)
        needsComma = true
    }

    /// Facts in the order of their names; the first of a name counts.
    mutating func facts(_ name: StaticString, _ facts: [AuditFact]) {
        guard !facts.isEmpty else { return }
        object(name) { json in
            // Looked at where they lie: each copy of a fact would be counted.
            if RecordJSON.isInOrder(facts.span) {
                let facts = facts.span
                for index in facts.indices { json.fact(facts[index]) }
            } else {
                for fact in RecordJSON.sorted(facts) { json.fact(fact) }
            }
        }
    }

    /// By UTF-16, as RFC 8785 wants it: up to the first difference, if that is of ASCII, the same as by UTF-8.
    private static func precedes(_ left: String, _ right: String) -> Bool {
        let precedes: Bool?? = unsafe left.utf8.withContiguousStorageIfAvailable { left in
            unsafe right.utf8.withContiguousStorageIfAvailable { right in
                unsafe RecordJSON.precedes(left.span, right.span)
            }.flatMap(\.self)
        }
        return precedes.flatMap(\.self) ?? left.utf16.lexicographicallyPrecedes(right.utf16)
    }

    /// Nil where they differ in something else than ASCII.
    private static func precedes(_ left: Span<UInt8>, _ right: Span<UInt8>) -> Bool? {
        for index in 0..<min(left.count, right.count) where left[index] != right[index] {
            return left[index] | right[index] < 0x80 ? left[index] < right[index] : nil
        }
        return left.count < right.count
    }

    /// Rooms write them in order already, mostly.
    private static func isInOrder(_ facts: Span<AuditFact>) -> Bool {
        for index in facts.indices.dropFirst() {
            guard precedes(facts[index - 1].name, facts[index].name) else { return false }
        }
        return true
    }

    private static func sorted(_ facts: [AuditFact]) -> [AuditFact] {
        var sorted: [AuditFact] = []
        for fact in facts.sorted(by: { precedes($0.name, $1.name) }) where fact.name != sorted.last?.name {
            sorted.append(fact)
        }
        return sorted
    }

    @inline(__always)
    mutating func member(_ name: StaticString, uid: RecordUID) {
        key(name)
        buffer.append(0x22)
        uid.append(to: buffer)
        buffer.append(0x22)
        needsComma = true
    }

    private mutating func fact(_ fact: AuditFact) {
        separate()
        quote(fact.name)
        buffer.append(0x3A)
        switch fact.value {
        case .text(let text): quote(text)
        case .integer(let value): number(value)
        case .flag(let value): buffer.append(value ? "true" : "false")
        case .list(let items):
            buffer.append(0x5B)
            needsComma = false
            for text in items { item(text) }
            buffer.append(0x5D)
        }
        needsComma = true
    }

    /// Whole numbers beyond 2⁵³ are no JSON numbers that everyone reads alike.
    private mutating func number(_ value: Int) {
        buffer.append(decimal: min(max(value, -(1 << 53)), 1 << 53))
    }

    @inline(__always)
    private mutating func key(_ name: StaticString) {
        buffer.append(key: name, comma: needsComma)
        needsComma = false
    }

    @inline(__always)
    private mutating func separate() {
        if needsComma { buffer.append(0x2C) }
    }

    private mutating func quote(_ text: String) {
        guard text.utf8.count <= limits.textBytes else {
            return buffer.append(quoted: RecordJSON.cut(text, limits.textBytes).utf8Span.span)
        }
        // Where it lies: a span of a text is asked for by calls into the library.
        let isQuoted: Void? = unsafe text.utf8.withContiguousStorageIfAvailable { utf8 in
            unsafe buffer.append(quoted: utf8.span)
        }
        if isQuoted == nil { buffer.append(quoted: text.utf8Span.span) }
    }

    private static func cut(_ text: String, _ bytesMax: Int) -> String {
        var cut = ""
        var count = 0
        for scalar in text.unicodeScalars {
            count += UTF8.width(scalar)
            guard count <= bytesMax else { break }
            cut.unicodeScalars.append(scalar)
        }
        return cut
    }
}
