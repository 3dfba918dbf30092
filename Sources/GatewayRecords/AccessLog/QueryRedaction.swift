/// Shows a query without what must not be read.
enum QueryRedaction {
    /// A component without `=` may be a bare secret as well as a flag (`?watch`); only short ones are shown.
    static let bareBytesMax = 16
    static let nameBytesMax = 64

    /// Parts of parameter names whose values are never shown.
    private static let secretParts: [[UInt8]] = [
        "key", "token", "secret", "password", "passwd", "signature", "sig", "credential", "auth", "code", "session",
    ].map { Array($0.utf8) }

    /// Writes `?` and the query as far as it may be seen; at most `bytesMax` of it.
    static func write(
        _ query: Span<UInt8>, _ visibility: AccessLogSettings.Query, bytesMax: Int, to line: inout LineWriter
    ) {
        guard visibility != .hidden else { return }
        line.byte(0x3F)
        var start = 0
        var shown = 0
        while start <= query.count, shown < bytesMax {
            var end = start
            var equals = -1
            while end < query.count, query[end] != 0x26 {
                if equals < 0, query[end] == 0x3D { equals = end }
                end += 1
            }
            if start > 0 { line.byte(0x26) }
            let isBare = equals < 0
            let name = query.extracting(start..<(isBare ? end : equals))
            if !isBare || name.count <= bareBytesMax {
                line.escaped(name, bytesMax: nameBytesMax)
            }
            if !isBare {
                line.byte(0x3D)
                if visibility == .values, !promisesSecret(name) {
                    line.escaped(query.extracting((equals + 1)..<end), bytesMax: max(0, bytesMax - shown))
                }
            }
            shown += end - start + 1
            start = end + 1
        }
    }

    private static func promisesSecret(_ name: Span<UInt8>) -> Bool {
        // An encoded name could spell anything.
        for index in name.indices where name[index] == 0x25 { return true }
        for part in secretParts where contains(name, part) { return true }
        return false
    }

    private static func contains(_ name: Span<UInt8>, _ part: [UInt8]) -> Bool {
        guard name.count >= part.count else { return false }
        for start in 0...(name.count - part.count) {
            var index = 0
            while index < part.count, name[start + index] | 0x20 == part[index] { index += 1 }
            if index == part.count { return true }
        }
        return false
    }
}
