/// Names of members as a reader knows them that does not tell capitals from small letters: some providers are such
/// readers, and what they would take for a name must be judged as that name.
package enum JSONName {
    /// The name in small letters, without escapes.
    package static func folded(_ input: Span<UInt8>, _ range: Range<Int>, hasEscape: Bool) -> [UInt8] {
        var out: [UInt8] = []
        if hasEscape {
            JSONString.append(decoded: input, range, to: &out)
        } else {
            out.reserveCapacity(range.count)
            for index in range { out.append(input[index]) }
        }
        return folded(out)
    }

    /// ASCII letters, and the two letters beyond that are folded to one of them: U+017F (s) and U+212A (k).
    package static func folded(_ name: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        out.reserveCapacity(name.count)
        var index = 0
        while index < name.count {
            if name[index...].starts(with: [0xC5, 0xBF]) {
                out.append(0x73)
                index += 2
            } else if name[index...].starts(with: [0xE2, 0x84, 0xAA]) {
                out.append(0x6B)
                index += 3
            } else {
                out.append(Byte.lowercased(name[index]))
                index += 1
            }
        }
        return out
    }
}

extension JSONOutline {
    /// A member whose name is one of these but for its case, and the name as it should be.
    package func miswritten(_ names: [StaticString], in input: Span<UInt8>) -> StaticString? {
        for member in members {
            if !member.nameHasEscape, Word.isSmallASCII(input, member.name) { continue }
            let folded = JSONName.folded(input, member.name, hasEscape: member.nameHasEscape)
            for name in names where Token.isExactly(folded.span, 0..<folded.count, name) {
                if !JSONString.isEqual(input, member.name, member.nameHasEscape, name) { return name }
            }
        }
        return nil
    }
}
