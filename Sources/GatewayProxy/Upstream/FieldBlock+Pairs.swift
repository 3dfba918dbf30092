package import GatewayWire

extension FieldBlock {
    /// The value of the first cookie of that name, over all `cookie` fields.
    package func cookie(_ name: [UInt8]) -> Slice? {
        for entry in entries where entry.known == .cookie {
            if let slice = pair(name, in: entry.value, separator: UInt8(ascii: ";")) { return slice }
        }
        return nil
    }

    /// The value of the first query parameter of that name, as it was written.
    package func parameter(_ name: [UInt8], in query: Slice) -> Slice? {
        pair(name, in: query, separator: UInt8(ascii: "&"))
    }

    private func pair(_ name: [UInt8], in slice: Slice, separator: UInt8) -> Slice? {
        let end = slice.range.upperBound
        var start = slice.range.lowerBound
        while start < end {
            while start < end, bytes[start] == UInt8(ascii: " ") { start += 1 }
            var stop = start
            while stop < end, bytes[stop] != separator { stop += 1 }
            if let value = value(of: name, start, stop) { return value }
            start = stop + 1
        }
        return nil
    }

    private func value(of name: [UInt8], _ start: Int, _ stop: Int) -> Slice? {
        let valueStart = start + name.count + 1
        guard valueStart <= stop, bytes[valueStart - 1] == UInt8(ascii: "=") else { return nil }
        for index in name.indices where bytes[start + index] != name[index] { return nil }
        return Slice(start: valueStart, count: stop - valueStart)
    }
}
