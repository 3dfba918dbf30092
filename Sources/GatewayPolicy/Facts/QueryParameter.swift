package import GatewayWire

/// Finds a parameter in a query without decoding it.
package enum QueryParameter {
    /// Where the value of the first parameter of that name lies in the head's bytes; an empty range for a
    /// parameter without `=`.
    package static func first(_ name: [UInt8], in request: borrowing RequestHead) -> Range<Int>? {
        let bytes = request.fields.bytes.span
        let query = request.query.range
        var start = query.lowerBound
        while start < query.upperBound {
            var end = start
            while end < query.upperBound, bytes[end] != 0x26 { end += 1 }
            var split = start
            while split < end, bytes[split] != 0x3D { split += 1 }
            if split - start == name.count, matches(bytes, start, name) { return min(split + 1, end)..<end }
            start = end + 1
        }
        return nil
    }

    private static func matches(_ bytes: Span<UInt8>, _ start: Int, _ name: [UInt8]) -> Bool {
        for index in name.indices where bytes[start + index] != name[index] { return false }
        return true
    }
}
