/// What the connection-specific and framing fields of one head say together. Works on a head that is already in
/// its store.
struct HTTP1Meaning {
    var host = Slice.empty
    var hostCount = 0
    var contentLength: UInt64 = 0
    var connection: ConnectionOptions = .none
    var expectsContinue = false
    var acceptsTrailers = false
    private var upgrade = Slice.empty
    private var upgradeCount = 0
    private var contentLengthCount = 0
    private var transferCount = 0
    /// Whether `Connection` named more than close, keep-alive and upgrade.
    private var namesFields = false
    private var connectionValues: [Slice] = []

    /// More options than this in one head are an attack on our time.
    private static let optionsMax = 64

    mutating func read(
        _ special: [FieldBlock.Entry], in fields: FieldBlock, isRequest: Bool
    ) throws(HTTP1ParseError) {
        let bytes = fields.bytes.span
        for entry in special {
            switch entry.known {
            case .host:
                host = entry.value
                hostCount += 1
            case .contentLength:
                guard contentLengthCount == 0 else { throw .duplicateContentLength }
                contentLengthCount = 1
                contentLength = try HTTP1Meaning.length(bytes, entry.value)
            case .transferEncoding:
                try readTransferEncoding(bytes, entry.value)
            case .connection:
                try readConnection(bytes, entry.value)
            case .upgrade:
                upgrade = entry.value
                upgradeCount += 1
            case .expect:
                guard isRequest else { continue }
                guard Token.equals(bytes, entry.value.range, "100-continue") else { throw .unsupportedExpectation }
                expectsContinue = true
            case .te:
                if HTTP1Meaning.asksTrailers(bytes, entry.value) { acceptsTrailers = true }
            default:
                break
            }
        }
    }

    /// A plain decimal number of at most 19 digits (RFC 9110 section 8.6), nothing else.
    static func length(_ bytes: Span<UInt8>, _ slice: Slice) throws(HTTP1ParseError) -> UInt64 {
        guard slice.count > 0, slice.count <= 19 else { throw .badContentLength }
        var value: UInt64 = 0
        for index in slice.range {
            guard Byte.isDigit(bytes[index]) else { throw .badContentLength }
            value = value &* 10 &+ UInt64(bytes[index] &- Byte.zero)
        }
        guard value <= UInt64(Int.max) else { throw .badContentLength }
        return value
    }

    /// Only one `chunked` is readable. A list that ends in it names codings we do not have; any other list does not
    /// say where the body ends.
    private mutating func readTransferEncoding(_ bytes: Span<UInt8>, _ slice: Slice) throws(HTTP1ParseError) {
        transferCount += 1
        guard transferCount == 1 else { throw .badTransferEncoding }
        if Token.equals(bytes, slice.range, "chunked") { return }
        var elements = Token.List(slice.range)
        var sawChunked = false
        var count = 0
        while let element = elements.next(bytes) {
            guard !sawChunked, Token.isToken(bytes, element) else { throw .badTransferEncoding }
            sawChunked = Token.equals(bytes, element, "chunked")
            count += 1
        }
        throw sawChunked && count > 1 ? .unsupportedTransferCoding : .badTransferEncoding
    }

    private mutating func readConnection(_ bytes: Span<UInt8>, _ slice: Slice) throws(HTTP1ParseError) {
        if Token.equals(bytes, slice.range, "keep-alive") {
            connection.insert(.keepAlive)
            return
        }
        var elements = Token.List(slice.range)
        var count = 0
        while let element = elements.next(bytes) {
            if element.isEmpty { continue }
            count += 1
            guard count <= HTTP1Meaning.optionsMax, Token.isToken(bytes, element) else { throw .badConnection }
            if Token.equals(bytes, element, "close") {
                connection.insert(.close)
            } else if Token.equals(bytes, element, "keep-alive") {
                connection.insert(.keepAlive)
            } else if Token.equals(bytes, element, "upgrade") {
                connection.insert(.upgrade)
            } else {
                namesFields = true
            }
        }
        if namesFields {
            guard connectionValues.count < HTTP1Meaning.optionsMax else { throw .badConnection }
            connectionValues.append(slice)
        }
    }

    private static func asksTrailers(_ bytes: Span<UInt8>, _ slice: Slice) -> Bool {
        var elements = Token.List(slice.range)
        while let element = elements.next(bytes) {
            if Token.equals(bytes, element, "trailers") { return true }
        }
        return false
    }

    /// Removes the fields `Connection` names (RFC 9110 section 7.6.1). A name the gateway or a backend relies on is
    /// refused in a request, because stripping it is an attack, and ignored in a response.
    func removeNamed(from fields: inout FieldBlock, isRequest: Bool) throws(HTTP1ParseError) {
        guard namesFields else { return }
        var removed = 0
        for slice in connectionValues {
            var elements = Token.List(slice.range)
            while let element = elements.next(fields.bytes.span) {
                if element.isEmpty { continue }
                removed += 1
                guard removed <= HTTP1Meaning.optionsMax else { throw .badConnection }
                let raw = FieldNameTable.shared.find(fields.bytes.span, element.lowerBound, element.count)
                let known = FieldName(rawValue: raw) ?? .other
                if HTTP1Meaning.isEndToEnd(known) || HTTP1Meaning.isForwarding(fields.bytes.span, element) {
                    if isRequest { throw .badConnection }
                    continue
                }
                HTTP1Meaning.remove(element, from: &fields)
            }
        }
    }

    private static func remove(_ name: Range<Int>, from fields: inout FieldBlock) {
        var index = 0
        while index < fields.entries.count {
            let range = fields.entries[index].name.range
            if Token.equals(fields.bytes.span, range, name) {
                fields.entries.remove(at: index)
            } else {
                index += 1
            }
        }
    }

    /// `x-forwarded-…` whatever follows.
    private static func isForwarding(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        range.count > 12 && Token.equals(bytes, range.lowerBound..<(range.lowerBound + 12), "x-forwarded-")
    }

    private static func isEndToEnd(_ name: FieldName) -> Bool {
        switch name {
        case .other, .keepAlive, .proxyConnection, .te, .trailer, .upgrade, .http2Settings, .proxyAuthenticate,
            .proxyAuthorization, .pragma, .server, .altSvc, .transferEncoding, .connection:
            false
        default: true
        }
    }

    /// The protocol to switch to: the first of `Upgrade` that is not `h2c`, which is never tunnelled; lower case.
    func upgradeProtocol(in fields: inout FieldBlock, isRequest: Bool) throws(HTTP1ParseError) -> Slice {
        guard upgradeCount > 0 else { return .empty }
        guard upgradeCount == 1 else { throw .badUpgrade }
        var elements = Token.List(upgrade.range)
        var chosen = Slice.empty
        while let element = elements.next(fields.bytes.span) {
            guard !element.isEmpty, Token.isProtocol(fields.bytes.span, element) else { throw .badUpgrade }
            if chosen.isEmpty, !Token.equals(fields.bytes.span, element, "h2c") {
                chosen = Slice(start: element.lowerBound, count: element.count)
            }
        }
        for index in chosen.range { fields.bytes[index] = Byte.lowercased(fields.bytes[index]) }
        return chosen
    }
}
