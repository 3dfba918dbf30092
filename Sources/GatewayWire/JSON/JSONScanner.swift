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
}
