/// Where the members of a JSON object, or the elements of an array, lie in its bytes. Made by one strict pass; nothing
/// is decoded and no byte is touched, so that unknown members, number text, order and spacing stay as they are.
/// Ranges are in the bytes that were read. Made anew or read into again: then its memory is used again.
package struct JSONOutline: Sendable {
    /// One member of an object, or one element of an array (then without a name).
    package struct Member: Sendable, Equatable {
        /// The name as it is written, without its quotes.
        package var name: Range<Int>
        package var nameHasEscape: Bool
        /// The value, a string with its quotes.
        package var value: Range<Int>
        package var kind: JSONKind
        fileprivate var marks: Marks
    }

    /// What tells names apart: equal in both, by an accident of the hash too, they are taken for the same.
    struct Marks: Equatable {
        /// The first bytes of the name's text, so that most comparisons are one.
        var head: UInt64
        /// Of the name's text; its length where `head` has all of it; of both where one more word has.
        var rest: UInt64
    }

    /// Members of one object at most; more is an error.
    package static let membersMax = 512

    package private(set) var members: [Member] = []
    /// From the opening to the closing brace or bracket, both included.
    package private(set) var extent: Range<Int> = 0..<0
    package private(set) var measure = JSONMeasure()
    /// What `JSONScanner.isPlainTree` says of the text; false where names were not compared.
    package private(set) var isPlainTree = false

    package init() {}

    /// Reads `input` as one JSON text that is an object; no name may come twice, however it is escaped.
    package init(_ input: Span<UInt8>, depthMax: Int = 128) throws(JSONScanError) {
        try read(input, depthMax: depthMax)
    }

    /// The same, and compares the names in all objects within, for `isPlainTree`.
    package init(comparingNames input: Span<UInt8>) throws(JSONScanError) {
        try read(input, range: 0..<input.count, kind: .object, depthMax: JSONTree.depthMax, comparesNames: true)
    }

    /// Reads all of `input`, or the value at `range` of it: a `Member.value` of an earlier outline.
    package mutating func read(
        _ input: Span<UInt8>, range: Range<Int>? = nil, depthMax: Int = 128
    ) throws(JSONScanError) {
        try read(input, range: range ?? 0..<input.count, kind: .object, depthMax: depthMax)
    }

    /// The same for the elements of an array.
    package mutating func readElements(
        _ input: Span<UInt8>, range: Range<Int>, depthMax: Int = 128
    ) throws(JSONScanError) {
        try read(input, range: range, kind: .array, depthMax: depthMax)
    }

    private mutating func read(
        _ whole: Span<UInt8>, range: Range<Int>, kind: JSONKind, depthMax: Int, comparesNames: Bool = false
    ) throws(JSONScanError) {
        members.removeAll(keepingCapacity: true)
        // Most objects have no more, and an array that grows is copied.
        members.reserveCapacity(8)
        let input = whole.extracting(range)
        let base = range.lowerBound
        var pass = JSONPass(depthMax: depthMax, comparesNames: comparesNames)
        pass.skipSpace(input)
        guard pass.index < input.count else { throw .unexpectedEnd }
        let isObject = kind == .object
        let start = pass.index
        let closer = isObject ? Byte.closeBrace : Byte.closeBracket
        guard input[start] == (isObject ? Byte.openBrace : Byte.openBracket) else {
            // Say first what is wrong with a text that is no JSON at all.
            _ = try pass.value(input)
            throw .notAnObject
        }
        try pass.open(kind)
        pass.skipSpace(input)
        guard pass.index < input.count else { throw .unexpectedEnd }
        if input[pass.index] != closer {
            while true {
                if isObject { try pass.memberName(input) }
                try member(input, base, &pass, isObject)
                pass.skipSpace(input)
                guard pass.index < input.count else { throw .unexpectedEnd }
                if input[pass.index] == closer { break }
                guard input[pass.index] == Byte.comma else { throw .unexpectedByte }
                pass.step()
            }
        }
        pass.close()
        extent = (base + start)..<(base + pass.index)
        pass.skipSpace(input)
        guard pass.index == input.count else { throw .trailingBytes }
        measure = pass.measure
        isPlainTree = comparesNames && !pass.namesMayRepeat && input.count <= JSONTree.valuesMax
    }

    private mutating func member(
        _ input: Span<UInt8>, _ base: Int, _ pass: inout JSONPass, _ isObject: Bool
    ) throws(JSONScanError) {
        let (name, hasEscape) = isObject ? (pass.name, pass.nameHasEscape) : (0..<0, false)
        pass.skipSpace(input)
        let start = pass.index
        let kind = try pass.value(input)
        let new = Member(
            name: (base + name.lowerBound)..<(base + name.upperBound), nameHasEscape: hasEscape,
            value: (base + start)..<(base + pass.index), kind: kind,
            marks: isObject ? JSONOutline.marks(input, name, hasEscape) : Marks(head: 0, rest: 0))
        if isObject {
            for index in members.indices where members[index].marks == new.marks { throw .duplicateName }
        }
        guard members.count < JSONOutline.membersMax else { throw .tooManyMembers }
        members.append(new)
    }

    static func marks(_ input: Span<UInt8>, _ name: Range<Int>, _ hasEscape: Bool) -> Marks {
        guard hasEscape else { return marks(input.extracting(name)) }
        return marks(JSONString.decoded(input, name).span)
    }

    private static func marks(_ name: Span<UInt8>) -> Marks {
        let count = name.count
        guard count > 8 else {
            return Marks(head: count == 0 ? 0 : Word.load(name, 0, count: count), rest: UInt64(count))
        }
        // Most long names are two words, of which the second one begins where the first ends.
        let last = Word.load(name, count &- 8)
        return Marks(head: Word.load(name, 0), rest: count > 16 ? Hash64.of(name) : rest(last, count))
    }

    @inline(__always)
    private static func rest(_ last: UInt64, _ count: Int) -> UInt64 {
        last &>> UInt64((16 &- count) &* 8) | (count < 16 ? UInt64(count) &<< 56 : 0)
    }

    /// The marks of a name in the code; of one that is longer than two words its beginning only.
    @inline(__always)
    private static func marks(_ name: StaticString) -> Marks {
        let count = name.utf8CodeUnitCount
        guard count > 8, count <= 16 else { return Marks(head: head(name), rest: UInt64(count)) }
        // Safe: the text is static, and its last eight bytes are read.
        let last = unsafe UnsafeRawPointer(name.utf8Start).loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
        return Marks(head: head(name), rest: rest(UInt64(littleEndian: last), count))
    }

    /// The same first bytes of a name in the code.
    @inline(__always)
    private static func head(_ name: StaticString) -> UInt64 {
        // Safe: the text is static, and no more than its count is read.
        let bytes = unsafe UnsafeRawPointer(name.utf8Start)
        let count = name.utf8CodeUnitCount
        if count >= 8 { return unsafe UInt64(littleEndian: bytes.loadUnaligned(as: UInt64.self)) }
        if count >= 4 {
            // Its first four and its last four, which may be the same in part.
            let rest = unsafe UInt32(littleEndian: bytes.loadUnaligned(fromByteOffset: count &- 4, as: UInt32.self))
            let first = unsafe UInt32(littleEndian: bytes.loadUnaligned(as: UInt32.self))
            return UInt64(first) | UInt64(rest) &<< UInt64((count &- 4) &* 8)
        }
        var head: UInt64 = 0
        for index in 0..<count {
            head |= unsafe UInt64(bytes.load(fromByteOffset: index, as: UInt8.self)) &<< UInt64(index &* 8)
        }
        return head
    }

    /// The member of this name, given without escapes.
    @inline(__always)
    package func member(_ name: StaticString, in input: Span<UInt8>) -> Member? {
        index(of: name, in: input).map { members[$0] }
    }

    /// The object's own index of the member of this name.
    // Inlined, because what is asked of a name in the code is then known when it is compiled.
    @inline(__always)
    package func index(of name: StaticString, in input: Span<UInt8>) -> Int? {
        index(of: name, JSONOutline.marks(name), name.utf8CodeUnitCount, in: input)
    }

    private func index(of name: StaticString, _ marks: Marks, _ count: Int, in input: Span<UInt8>) -> Int? {
        let members = members.span
        for index in members.indices where members[index].marks.head == marks.head {
            let (range, hasEscape) = (members[index].name, members[index].nameHasEscape)
            // What is no longer than two words is the same by its length and its marks.
            let isSame =
                count <= 16 && !hasEscape
                ? range.count == count && members[index].marks.rest == marks.rest
                : JSONString.isEqual(input, range, hasEscape, name)
            if isSame { return index }
        }
        return nil
    }
}
