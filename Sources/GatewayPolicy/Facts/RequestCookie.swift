package import GatewayWire

/// Finds a cookie in a request without decoding it.
package enum RequestCookie {
    /// Where the value of the first cookie of that name lies in the head's bytes.
    package static func first(_ name: [UInt8], in request: borrowing RequestHead) -> Range<Int>? {
        let bytes = request.fields.bytes.span
        for index in request.fields.entries.indices where request.fields.entries[index].known == .cookie {
            let field = request.fields.entries[index].value.range
            var start = field.lowerBound
            while start < field.upperBound {
                while start < field.upperBound, bytes[start] == 0x20 { start += 1 }
                var end = start
                while end < field.upperBound, bytes[end] != 0x3B { end += 1 }
                let value = start + name.count + 1
                if value <= end, bytes[value - 1] == 0x3D, matches(bytes, start, name) { return value..<end }
                start = end + 1
            }
        }
        return nil
    }

    private static func matches(_ bytes: Span<UInt8>, _ start: Int, _ name: [UInt8]) -> Bool {
        for index in name.indices where bytes[start + index] != name[index] { return false }
        return true
    }
}
