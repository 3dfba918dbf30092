/// Why bytes are not one JSON text, or not one that can be outlined.
package enum JSONScanError: Error, Sendable, CaseIterable {
    case unexpectedEnd, unexpectedByte, badLiteral, badNumber, badString, badEscape, badUTF8, tooDeep, trailingBytes
    // Of an outline only.
    case notAnObject, duplicateName, tooManyMembers
}

/// A strict check of RFC 8259 without building anything: one value, UTF-8, no byte-order mark, no extensions.
/// Escaped lone surrogates are let through, as the RFC's grammar does.
package enum JSONScanner {
    package static func validate(_ input: Span<UInt8>, depthMax: Int = 128) throws(JSONScanError) {
        var pass = JSONPass(depthMax: depthMax)
        _ = try pass.value(input)
        pass.skipSpace(input)
        guard pass.index == input.count else { throw .trailingBytes }
    }

    /// Whether a tree can be made of it, as a cheap look tells: it is one JSON text, and no object in it has a name
    /// twice. False also where that is not so sure, because an object is large or the text very long.
    package static func isPlainTree(_ input: Span<UInt8>) -> Bool {
        guard input.count <= JSONTree.valuesMax else { return false }
        var pass = JSONPass(depthMax: JSONTree.depthMax, comparesNames: true)
        guard (try? pass.value(input)) != nil else { return false }
        pass.skipSpace(input)
        return pass.index == input.count && !pass.namesMayRepeat
    }
}
