package import GatewayPolicy
import GatewayWire

/// What a match asks of a request beyond host and path; all of it must hold.
package final class RouteCondition: Sendable {
    /// Case-sensitive; nil for any.
    package let method: [UInt8]?
    package let headers: [ValueMatch]
    package let queries: [ValueMatch]
    private let knownMethod: HTTPMethod?

    package init(method: [UInt8]? = nil, headers: [ValueMatch] = [], queries: [ValueMatch] = []) {
        self.method = method
        self.headers = headers
        self.queries = queries
        knownMethod = method.map(HTTPMethod.init(name:))
    }

    package static let none = RouteCondition()
    var isNone: Bool { method == nil && headers.isEmpty && queries.isEmpty }

    func holds(for request: borrowing RequestHead) -> Bool {
        if let knownMethod {
            guard request.method == knownMethod else { return false }
            if knownMethod == .other, let method, !request.fields.equals(request.methodName, method) { return false }
        }
        for index in headers.indices where !headers[index].holds(forHeaderOf: request) { return false }
        for index in queries.indices where !queries[index].holds(forQueryOf: request) { return false }
        return true
    }
}

extension HTTPMethod {
    /// The method of an exact, upper-case name.
    init(name: [UInt8]) {
        self =
            switch String(decoding: name, as: UTF8.self) {
            case "GET": .get
            case "HEAD": .head
            case "POST": .post
            case "PUT": .put
            case "DELETE": .delete
            case "CONNECT": .connect
            case "OPTIONS": .options
            case "TRACE": .trace
            case "PATCH": .patch
            default: .other
            }
    }
}

/// A named value of a request and what it must be: a header or a query parameter.
package struct ValueMatch: Sendable {
    package enum Value: Sendable {
        case exact([UInt8])
        /// All of the value must match.
        case regex(BytePattern)
    }
    /// Lower case for a header, as written for a query parameter.
    package let name: [UInt8]
    package let value: Value
    private let known: FieldName

    package init(name: [UInt8], value: Value) {
        self.name = name
        self.value = value
        known = FieldName.known(name.span)
    }

    // MARK: Headers

    /// A header given several times counts as one list joined with `, ` (RFC 9110 section 5.3).
    func holds(forHeaderOf request: borrowing RequestHead) -> Bool {
        switch known {
        case .host: return compare(request.fields.bytes.span, request.authority.range)
        case .upgrade:
            return !request.upgrade.isEmpty && compare(request.fields.bytes.span, request.upgrade.range)
        default: break
        }
        var first = -1
        for index in request.fields.entries.indices where isNamed(request.fields, index) {
            if first >= 0 { return compareJoined(request.fields, from: first) }
            first = index
        }
        guard first >= 0 else { return false }
        return compare(request.fields.bytes.span, request.fields.entries[first].value.range)
    }

    private func isNamed(_ fields: borrowing FieldBlock, _ index: Int) -> Bool {
        if known != .other { return fields.entries[index].known == known }
        return fields.equals(fields.entries[index].name, name)
    }

    private func compare(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        switch value {
        case .exact(let expected):
            guard expected.count == range.count else { return false }
            for offset in expected.indices where expected[offset] != bytes[range.lowerBound &+ offset] { return false }
            return true
        case .regex(let pattern): return pattern.matches(bytes.extracting(range))
        }
    }

    private func compareJoined(_ fields: borrowing FieldBlock, from first: Int) -> Bool {
        var comparison = Comparison(value)
        for index in first..<fields.count where isNamed(fields, index) {
            if index > first {
                comparison.feed(0x2C)
                comparison.feed(0x20)
            }
            for position in fields.entries[index].value.range { comparison.feed(fields.bytes[position]) }
        }
        return comparison.isMatch
    }

    // MARK: Query parameters

    /// The first parameter of that name counts. Names and values are compared decoded: `%41` is `A`, `+` is a space.
    func holds(forQueryOf request: borrowing RequestHead) -> Bool {
        let bytes = request.fields.bytes.span
        let query = request.query.range
        var start = query.lowerBound
        while start < query.upperBound {
            var end = start
            var equals = -1
            while end < query.upperBound, bytes[end] != 0x26 {
                if equals < 0, bytes[end] == 0x3D { equals = end }
                end &+= 1
            }
            let nameEnd = equals < 0 ? end : equals
            if end > start, QueryText.equals(bytes, start..<nameEnd, name) {
                return compareDecoded(bytes, (equals < 0 ? end : equals &+ 1)..<end)
            }
            start = end &+ 1
        }
        return false
    }

    private func compareDecoded(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        switch value {
        case .exact(let expected): return QueryText.equals(bytes, range, expected)
        case .regex(let pattern):
            var run = BytePattern.Run(pattern)
            var index = range.lowerBound
            while index < range.upperBound { run.feed(QueryText.next(bytes, &index, range.upperBound)) }
            return run.isMatch
        }
    }
}

/// Compares a value that comes in pieces.
private struct Comparison {
    private let expected: [UInt8]
    private var position = 0
    private var run: BytePattern.Run?

    init(_ value: ValueMatch.Value) {
        switch value {
        case .exact(let bytes): expected = bytes
        case .regex(let pattern):
            expected = []
            run = BytePattern.Run(pattern)
        }
    }

    mutating func feed(_ byte: UInt8) {
        if run != nil {
            run?.feed(byte)
        } else if position >= 0 {
            let fits = position < expected.count && expected[position] == byte
            position = fits ? position + 1 : -1
        }
    }

    var isMatch: Bool { run?.isMatch ?? (position == expected.count) }
}

/// Text of a query, decoded as it is read.
enum QueryText {
    /// The next decoded byte; a `%` that starts no escape stands for itself.
    @inline(__always)
    static func next(_ bytes: Span<UInt8>, _ index: inout Int, _ end: Int) -> UInt8 {
        let byte = bytes[index]
        index &+= 1
        if byte == 0x2B { return 0x20 }
        guard byte == 0x25, index &+ 1 < end, let high = hexadecimal(bytes[index]),
            let low = hexadecimal(bytes[index &+ 1])
        else { return byte }
        index &+= 2
        return high << 4 | low
    }

    static func equals(_ bytes: Span<UInt8>, _ range: Range<Int>, _ expected: [UInt8]) -> Bool {
        guard range.count >= expected.count else { return false }
        var index = range.lowerBound
        for byte in expected {
            guard index < range.upperBound, next(bytes, &index, range.upperBound) == byte else { return false }
        }
        return index == range.upperBound
    }

    private static func hexadecimal(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
