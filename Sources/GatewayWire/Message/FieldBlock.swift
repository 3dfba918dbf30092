/// A run of bytes inside a `FieldBlock`'s storage.
package struct Slice: Sendable, Equatable {
    package var start: UInt32
    package var count: UInt32

    @inlinable
    package init(start: Int, count: Int) {
        self.start = UInt32(truncatingIfNeeded: start)
        self.count = UInt32(truncatingIfNeeded: count)
    }

    package static let empty = Slice(start: 0, count: 0)
    package func shifted(by bytes: Int) -> Slice { Slice(start: Int(start) + bytes, count: Int(count)) }
    @inlinable package var isEmpty: Bool { count == 0 }
    @inlinable package var range: Range<Int> { Int(start)..<(Int(start) + Int(count)) }
}

/// A field's name that is written often, in lower case: how its line begins, and which known name it is.
package struct FieldLabel: Sendable {
    /// `name: `
    let beginning: [UInt8]
    let known: FieldName

    package init(_ name: String) {
        let bytes = Array(name.utf8)
        beginning = bytes + [Byte.colon, Byte.space]
        known = FieldName.known(bytes.span)
    }

    var nameCount: Int { beginning.count - 2 }
}

/// Ordered header fields over one byte store. Names are lower case and values are trimmed, whatever the
/// protocol they came by, so that HTTP/1, HTTP/2, filters, policy and logs read the same bytes.
///
/// Offsets are `UInt32`: a head is bounded by `Limits.headBytesMax`, far below 4 GiB.
package struct FieldBlock: Sendable {
    /// One field: where its name and value lie, and which known name it is.
    package struct Entry: Sendable, Equatable {
        package var name: Slice
        package var value: Slice
        package var known: FieldName

        @inlinable
        package init(name: Slice, value: Slice, known: FieldName) {
            self.name = name
            self.value = value
            self.known = known
        }
    }

    /// The store. Bytes no entry points to are garbage until `removeAll`.
    package var bytes: [UInt8] = []
    package var entries: [Entry] = []

    package init() {}

    /// Forgets everything and keeps the memory for the next message.
    package mutating func removeAll() {
        if !bytes.isEmpty { bytes.removeAll(keepingCapacity: true) }
        if !entries.isEmpty { entries.removeAll(keepingCapacity: true) }
    }

    package var isEmpty: Bool { entries.isEmpty }
    package var count: Int { entries.count }

    /// Copies bytes into the store.
    package mutating func store(_ source: Span<UInt8>) -> Slice {
        let start = bytes.count
        bytes.write(bytesMax: source.count) { $0.append(source) }
        return Slice(start: start, count: source.count)
    }

    /// Copies bytes into the store.
    package mutating func store(_ source: [UInt8]) -> Slice { store(source.span) }

    // Fields lie in the store as the lines that they are in HTTP/1, which are then copied in one piece.

    /// Appends a field; `name` must be lower case.
    package mutating func append(name: [UInt8], value: [UInt8]) {
        append(name.span, value.span, FieldName.known(name.span))
    }

    /// Appends a field; `name` must be lower case.
    package mutating func append(_ name: String, _ value: String) { append(name, value.utf8Span.span) }

    /// Appends a field; `name` must be lower case.
    package mutating func append(_ name: String, _ value: Span<UInt8>) {
        append(name.utf8Span.span, value, FieldName.known(name.utf8Span.span))
    }

    /// Appends a known field.
    package mutating func append(_ name: FieldName, _ value: [UInt8]) {
        let text = FieldName.names[Int(name.rawValue)]
        append(text.span, value.span, name)
    }

    private mutating func append(_ name: Span<UInt8>, _ value: Span<UInt8>, _ known: FieldName) {
        guard FieldBlock.isOneLine(value) else { return append(name, FieldBlock.oneLine(value).span, known) }
        let start = bytes.count
        bytes.write(bytesMax: name.count + value.count + 4) {
            $0.append(name)
            $0.append(": ")
            $0.append(value)
            $0.appendLineEnd()
        }
        entries.append(
            Entry(
                name: Slice(start: start, count: name.count),
                value: Slice(start: start + name.count + 2, count: value.count), known: known))
    }

    /// Appends a field whose name is known beforehand.
    package mutating func append(_ label: FieldLabel, _ value: Span<UInt8>) {
        guard FieldBlock.isOneLine(value) else { return append(label, FieldBlock.oneLine(value).span) }
        append(label, bytesMax: value.count) { $0.append(value) }
    }

    package mutating func append(_ label: FieldLabel, _ value: String) { append(label, value.utf8Span.span) }

    /// The same with a value of at most so many bytes that is written straight behind what the store has.
    @inline(__always)
    package mutating func append(_ label: FieldLabel, bytesMax: Int, writing value: (inout ByteWriter) -> Void) {
        let start = bytes.count
        let beginning = label.beginning.span
        bytes.write(bytesMax: beginning.count + bytesMax + 2) {
            $0.append(beginning)
            value(&$0)
            $0.appendLineEnd()
        }
        let valueStart = start + beginning.count
        entries.append(
            Entry(
                name: Slice(start: start, count: label.nameCount),
                value: Slice(start: valueStart, count: bytes.count - valueStart - 2), known: label.known))
    }

    /// Appends all that another block has; its slices lie so many bytes further on then.
    package mutating func append(all other: borrowing FieldBlock) -> Int {
        let shift = bytes.count
        bytes.append(contentsOf: other.bytes)
        for entry in other.entries {
            entries.append(
                Entry(name: entry.name.shifted(by: shift), value: entry.value.shifted(by: shift), known: entry.known))
        }
        return shift
    }

    /// Removes every field of that known name; returns whether there was one.
    @discardableResult
    package mutating func remove(_ name: FieldName) -> Bool {
        let before = entries.count
        entries.removeAll { $0.known == name }
        return entries.count != before
    }

    /// Removes every field of that lower-case name; returns whether there was one.
    @discardableResult
    package mutating func remove(named name: [UInt8]) -> Bool {
        let before = entries.count
        let store = bytes
        entries.removeAll { FieldBlock.equal(store, $0.name, name) }
        return entries.count != before
    }

    /// Replaces all fields of that lower-case name by one.
    package mutating func set(name: [UInt8], value: [UInt8]) {
        guard let index = firstIndex(named: name) else { return append(name: name, value: value) }
        entries[index].value = store(FieldBlock.isOneLine(value.span) ? value : FieldBlock.oneLine(value.span))
        var next = index + 1
        while next < entries.count {
            if FieldBlock.equal(bytes, entries[next].name, name) { entries.remove(at: next) } else { next += 1 }
        }
    }

    // MARK: Values

    /// Whether a value may stand in a head: whoever made it, no byte of it ends its line.
    private static func isOneLine(_ value: Span<UInt8>) -> Bool {
        Scan.control(value, from: 0, to: value.count) == value.count
    }

    /// With spaces in place of what no value may have (RFC 9110 section 5.5).
    private static func oneLine(_ value: Span<UInt8>) -> [UInt8] {
        value.indices.map { isText(value[$0]) ? value[$0] : Byte.space }
    }

    @inline(__always)
    private static func isText(_ byte: UInt8) -> Bool { byte >= 0x20 && byte != 0x7F || byte == 0x09 }

    /// Known names as one bit each; `.other` has one too.
    @inlinable
    package static func bit(_ name: FieldName) -> UInt64 { 1 &<< UInt64(name.rawValue) }

    /// Which known names there are, in one pass.
    package var names: UInt64 {
        var names: UInt64 = 0
        for index in entries.indices { names |= FieldBlock.bit(entries[index].known) }
        return names
    }

    /// The first field of that known name.
    package func first(_ name: FieldName) -> Entry? {
        for entry in entries where entry.known == name { return entry }
        return nil
    }

    package func contains(_ name: FieldName) -> Bool { first(name) != nil }

    /// The position of the first field of that lower-case name.
    package func firstIndex(named name: [UInt8]) -> Int? {
        for index in entries.indices where FieldBlock.equal(bytes, entries[index].name, name) { return index }
        return nil
    }

    /// The bytes of a slice, copied.
    package func copy(_ slice: Slice) -> [UInt8] { Array(bytes[slice.range]) }

    /// The text of a slice; invalid UTF-8 is repaired. For logs, policy and tests, not for forwarding.
    package func text(_ slice: Slice) -> String { String(decoding: bytes[slice.range], as: UTF8.self) }

    /// The value of the first field of that lower-case name, as text.
    package func value(named name: String) -> String? {
        let (store, wanted) = (bytes.span, name.utf8Span.span)
        for index in entries.indices where Word.equals(store, entries[index].name, wanted) {
            return text(entries[index].value)
        }
        return nil
    }

    /// Whether a slice is exactly this text, which is not empty.
    package func equals(_ slice: Slice, _ text: String) -> Bool { Word.equals(bytes.span, slice, text.utf8Span.span) }

    /// Whether a slice begins with this lower-case ASCII text, in any case.
    package func begins(_ slice: Slice, with text: StaticString) -> Bool {
        let (start, count) = (Int(slice.start), text.utf8CodeUnitCount)
        return slice.count >= count && Token.equals(bytes.span, start..<(start + count), text)
    }

    /// Whether a slice is exactly these bytes.
    package func equals(_ slice: Slice, _ other: [UInt8]) -> Bool { FieldBlock.equal(bytes, slice, other) }

    private static func equal(_ bytes: [UInt8], _ slice: Slice, _ other: [UInt8]) -> Bool {
        guard Int(slice.count) == other.count else { return false }
        let start = Int(slice.start)
        for index in 0..<other.count where bytes[start + index] != other[index] { return false }
        return true
    }
}
