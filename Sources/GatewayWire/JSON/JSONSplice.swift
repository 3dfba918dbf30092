/// Edits of a JSON text in its bytes: what is not edited stays as it was written, byte for byte. Built from an outline
/// of the same bytes, applied once; edits may be made in any order but may not overlap.
package struct JSONSplice: Sendable {
    /// What is put in the place of what.
    package struct Edit: Sendable {
        package var range: Range<Int>
        package var bytes: [UInt8]

        package init(range: Range<Int>, bytes: [UInt8]) {
            self.range = range
            self.bytes = bytes
        }
    }

    /// In the order of their places.
    package private(set) var edits: [Edit] = []

    package init() {}

    package var isEmpty: Bool { edits.isEmpty }

    /// Puts bytes, which must be JSON where they land, in place of others.
    package mutating func replace(_ range: Range<Int>, with bytes: [UInt8]) {
        let edit = Edit(range: range, bytes: bytes)
        guard let last = edits.last, last.range.lowerBound > range.lowerBound else { return edits.append(edit) }
        let place = edits.lastIndex { $0.range.lowerBound <= range.lowerBound }.map { $0 + 1 } ?? 0
        edits.insert(edit, at: place)
    }

    /// Gives the object a member: in place of the value it has, or as its last one.
    package mutating func set(
        _ name: StaticString, to value: [UInt8], in outline: JSONOutline, of input: Span<UInt8>
    ) {
        guard let member = outline.member(name, in: input) else { return insert(name, value, in: outline) }
        // What it has already stays where it is.
        if !Word.equals(input.extracting(member.value), value.span) { replace(member.value, with: value) }
    }

    /// The same with a text.
    package mutating func set(
        _ name: StaticString, toText text: Span<UInt8>, in outline: JSONOutline, of input: Span<UInt8>
    ) {
        var value: [UInt8] = []
        value.reserveCapacity(text.count + 2)
        JSONWriter.append(string: text, to: &value)
        set(name, to: value, in: outline, of: input)
    }

    /// Gives the object a last member it must not have yet; not for an object that all members are taken from.
    package mutating func insert(_ name: StaticString, _ value: [UInt8], in outline: JSONOutline) {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(value.count + name.utf8CodeUnitCount + 4)
        let place = outline.members.last?.value.upperBound ?? outline.extent.lowerBound + 1
        if !outline.members.isEmpty || edits.contains(where: { $0.range == place..<place }) { bytes.append(Byte.comma) }
        JSONWriter.append(plain: name, to: &bytes)
        bytes.append(Byte.colon)
        bytes.append(contentsOf: value)
        replace(place..<place, with: bytes)
    }

    /// Takes members out of the object, with the commas that become too many.
    package mutating func remove(from outline: JSONOutline, where isRemoved: (Int) -> Bool) {
        let members = outline.members
        var index = 0
        while index < members.count {
            guard isRemoved(index) else {
                index += 1
                continue
            }
            let first = index
            while index < members.count, isRemoved(index) { index += 1 }
            let last = members[index - 1].value.upperBound
            if first > 0 {
                replace(members[first - 1].value.upperBound..<last, with: [])
            } else {
                // The quote of the name that follows stays, and so does the space before the first one.
                let start = members[0].name.lowerBound - 1
                replace(start..<(index < members.count ? members[index].name.lowerBound - 1 : last), with: [])
            }
        }
    }

    /// How many bytes so many become, all edits being among them.
    package func count(from count: Int) -> Int { edits.reduce(count) { $0 - $1.range.count + $1.bytes.count } }

    /// The edited text.
    package func applied(to input: Span<UInt8>) -> [UInt8] {
        var out: [UInt8] = []
        append(input, 0..<input.count, to: &out)
        return out
    }

    /// Appends a part of the edited text, in which all edits are.
    package func append(_ input: Span<UInt8>, _ part: Range<Int>, to out: inout [UInt8]) {
        out.reserveCapacity(out.count + count(from: part.count))
        var index = part.lowerBound
        for edit in edits {
            precondition(edit.range.lowerBound >= index, "edits overlap")
            HTTP1Serializer.append(input.extracting(index..<edit.range.lowerBound), to: &out)
            out.append(contentsOf: edit.bytes)
            index = edit.range.upperBound
        }
        HTTP1Serializer.append(input.extracting(index..<part.upperBound), to: &out)
    }
}
