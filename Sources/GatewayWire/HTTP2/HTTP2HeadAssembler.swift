/// Builds canonical heads and trailers from the fields an HTTP/2 peer sent, by the rules of RFC 9113 sections 8.2 and
/// 8.3, and so that nothing passes that HTTP/1.1 could not carry.
///
/// One assembler a field section: `add` each field in order, then `finish`. After a throw the head is garbage.
package struct HTTP2HeadAssembler: Sendable {
    private enum Pseudo: UInt8 {
        case method = 1
        case scheme = 2
        case authority = 4
        case path = 8
        case `protocol` = 16
        case status = 32
    }

    private let fieldCountMax: Int
    private let sizeMax: Int
    private var size = 0
    private var count = 0
    private var seen: UInt8 = 0
    private var sawRegular = false
    private var path = Slice.empty
    private var authority = Slice.empty
    private var host = Slice.empty
    private var hostCount = 0
    private var cookieCount = 0
    private var contentLength = Slice.empty
    private var contentLengthCount = 0

    package init(limits: HTTP1Limits) {
        fieldCountMax = limits.fieldCountMax
        sizeMax = limits.headBytesMax
    }

    // MARK: Requests

    /// Adds one field of a request; the first one resets the head.
    package mutating func add(
        name: Span<UInt8>, value: Span<UInt8>, to head: inout RequestHead
    ) throws(HTTP2HeadError) {
        if size == 0 { head.reset() }
        try measure(name, value)
        if name[0] == Byte.colon { return try addPseudo(name, value, to: &head) }
        sawRegular = true
        let known = try check(name, value)
        switch known {
        case .host:
            hostCount += 1
            host = head.fields.store(value)
        case .te:
            guard Token.equals(value, 0..<value.count, "trailers") else { throw .badTE }
            head.acceptsTrailers = true
        case .expect:
            guard Token.equals(value, 0..<value.count, "100-continue") else { throw .unsupportedExpectation }
            head.expectsContinue = true
        case .contentLength:
            contentLengthCount += 1
            contentLength = head.fields.store(value)
        case .cookie:
            cookieCount += 1
            append(name, value, known, to: &head.fields)
        default:
            append(name, value, known, to: &head.fields)
        }
    }

    private mutating func addPseudo(
        _ name: Span<UInt8>, _ value: Span<UInt8>, to head: inout RequestHead
    ) throws(HTTP2HeadError) {
        let range = 0..<name.count
        if Token.isExactly(name, range, ":method") {
            try mark(.method)
            guard Token.isToken(value, 0..<value.count) else { throw .badPseudoField }
            head.method = HTTPMethod.named(value, 0, value.count)
            head.methodName = head.fields.store(value)
        } else if Token.isExactly(name, range, ":path") {
            try mark(.path)
            path = head.fields.store(value)
        } else if Token.isExactly(name, range, ":scheme") {
            try mark(.scheme)
            let isHTTP = Token.equals(value, 0..<value.count, "http") || Token.equals(value, 0..<value.count, "https")
            guard isHTTP else { throw .badPseudoField }
        } else if Token.isExactly(name, range, ":authority") {
            try mark(.authority)
            authority = head.fields.store(value)
        } else if Token.isExactly(name, range, ":protocol") {
            try mark(.protocol)
            // HTTP/2 in a tunnel would pass requests by every rule; over HTTP/1.1 such an upgrade is not passed on.
            guard Token.isProtocol(value, 0..<value.count), !Token.equals(value, 0..<value.count, "h2c") else {
                throw .badPseudoField
            }
            head.upgrade = head.fields.store(value)
            for index in head.upgrade.range { head.fields.bytes[index] = Byte.lowercased(head.fields.bytes[index]) }
        } else {
            throw .unknownPseudoField
        }
    }

    /// Completes a request. `endsStream`: no content follows the fields.
    package mutating func finish(_ head: inout RequestHead, endsStream: Bool) throws(HTTP2HeadError) {
        head.version = .http2
        guard has(.method) else { throw .missingPseudoField }
        try finishTarget(&head)
        try finishFraming(&head, endsStream)
        if cookieCount > 1 { joinCookies(in: &head.fields) }
    }

    private func finishTarget(_ head: inout RequestHead) throws(HTTP2HeadError) {
        let isPlainConnect = head.method == .connect && !has(.protocol)
        if has(.protocol), head.method != .connect { throw .unknownPseudoField }
        if isPlainConnect {
            guard has(.authority), !has(.path), !has(.scheme) else { throw .badConnect }
        } else {
            guard has(.path), has(.scheme) else { throw .missingPseudoField }
            if has(.protocol), !has(.authority) { throw .missingPseudoField }
        }
        guard hostCount < 2 else { throw .authorityMismatch }
        if hostCount == 1 { try place(host, into: &head, requiresPort: false) }
        if has(.authority) {
            let fromHost = head.authority
            try place(authority, into: &head, requiresPort: isPlainConnect)
            if hostCount == 1 {
                guard Token.equals(head.fields.bytes.span, fromHost.range, head.authority.range) else {
                    throw .authorityMismatch
                }
            }
        }
        guard !head.authority.isEmpty else { throw .missingPseudoField }
        if isPlainConnect { return }
        do { try head.placeTarget(path) } catch { throw .badTarget }
    }

    private func place(
        _ raw: Slice, into head: inout RequestHead, requiresPort: Bool
    ) throws(HTTP2HeadError) {
        do {
            head.authority = try CanonicalAuthority.canonicalise(
                raw, in: &head.fields.bytes, requiresPort: requiresPort)
        } catch { throw .badAuthority }
    }

    private func finishFraming(_ head: inout RequestHead, _ endsStream: Bool) throws(HTTP2HeadError) {
        if let length = try length(head.fields) {
            if endsStream, length > 0 { throw .badContentLength }
            head.framing = .length(length)
        } else if endsStream {
            switch head.method {
            case .post, .put, .patch: head.framing = .length(0)
            default: head.framing = .none
            }
        } else {
            head.framing = .chunked
        }
        // The tunnel's bytes are no content.
        if head.method == .connect {
            guard contentLengthCount == 0 else { throw .badContentLength }
            head.framing = .none
        }
    }

    /// Cookie crumbs become one field again (RFC 9113 section 8.2.3).
    private func joinCookies(in fields: inout FieldBlock) {
        let start = fields.bytes.count
        var first = -1
        for index in fields.entries.indices where fields.entries[index].known == .cookie {
            if first < 0 { first = index } else { HTTP1Serializer.append("; ", to: &fields.bytes) }
            for position in fields.entries[index].value.range { fields.bytes.append(fields.bytes[position]) }
        }
        guard first >= 0 else { return }
        fields.entries[first].value = Slice(start: start, count: fields.bytes.count - start)
        var index = first + 1
        while index < fields.entries.count {
            if fields.entries[index].known == .cookie { fields.entries.remove(at: index) } else { index += 1 }
        }
    }

    // MARK: Responses

    /// Adds one field of a response; the first one resets the head.
    package mutating func add(
        name: Span<UInt8>, value: Span<UInt8>, to head: inout ResponseHead
    ) throws(HTTP2HeadError) {
        if size == 0 { head.reset() }
        try measure(name, value)
        if name[0] == Byte.colon {
            guard Token.isExactly(name, 0..<name.count, ":status") else { throw .unknownPseudoField }
            try mark(.status)
            guard value.count == 3 else { throw .badStatus }
            var status = 0
            for index in 0..<3 {
                guard Byte.isDigit(value[index]) else { throw .badStatus }
                status = status * 10 + Int(value[index] - Byte.zero)
            }
            guard status >= 100, status < 600, status != 101 else { throw .badStatus }
            head.status = status
            return
        }
        sawRegular = true
        let known = try check(name, value)
        switch known {
        case .te, .host, .expect: break
        case .contentLength:
            contentLengthCount += 1
            contentLength = head.fields.store(value)
        default: append(name, value, known, to: &head.fields)
        }
    }

    /// Completes a response. As over HTTP/1.1, `content-length` stays a field where it only describes.
    package mutating func finish(
        _ head: inout ResponseHead, requestMethod: HTTPMethod, endsStream: Bool
    ) throws(HTTP2HeadError) {
        head.version = .http2
        guard has(.status) else { throw .missingPseudoField }
        let length = try length(head.fields)
        if head.status < 200 || head.status == 204 { return }
        if requestMethod == .connect, head.status < 300 { return }
        if requestMethod == .head || head.status == 304 {
            guard length != nil else { return }
            let name = head.fields.store(FieldName.names[Int(FieldName.contentLength.rawValue)])
            head.fields.entries.append(FieldBlock.Entry(name: name, value: contentLength, known: .contentLength))
            return
        }
        if let length {
            if endsStream, length > 0 { throw .badContentLength }
            head.framing = .length(length)
        } else {
            head.framing = endsStream ? .length(0) : .chunked
        }
    }

    // MARK: Trailers

    /// Adds one trailer field of a request or a response.
    package mutating func add(
        trailer name: Span<UInt8>, value: Span<UInt8>, to trailers: inout FieldBlock
    ) throws(HTTP2HeadError) {
        if size == 0 { trailers.removeAll() }
        try measure(name, value)
        guard name[0] != Byte.colon else { throw .misplacedPseudoField }
        let known = try check(name, value)
        guard !TrailerRules.forbids(known) else { throw .forbiddenTrailer }
        append(name, value, known, to: &trailers)
    }

    // MARK: Fields

    /// Counts as RFC 9113 section 6.5.2 does: 32 bytes a field on top of its text.
    private mutating func measure(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(HTTP2HeadError) {
        size += name.count + value.count + 32
        count += 1
        guard size <= sizeMax else { throw .headTooLarge }
        guard count <= fieldCountMax + 5 else { throw .tooManyFields }
        guard !name.isEmpty else { throw .badName }
    }

    private func check(_ name: Span<UInt8>, _ value: Span<UInt8>) throws(HTTP2HeadError) -> FieldName {
        for index in 0..<name.count {
            let byte = name[index]
            guard Byte.isToken(byte), byte &- 0x41 >= 26 else { throw .badName }
        }
        guard Scan.control(value, from: 0, to: value.count) == value.count else { throw .badValue }
        if value.count > 0 {
            let (first, last) = (value[0], value[value.count - 1])
            guard first != Byte.space, first != Byte.tab, last != Byte.space, last != Byte.tab else { throw .badValue }
        }
        let known = FieldName(rawValue: FieldNameTable.shared.find(name, 0, name.count)) ?? .other
        switch known {
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade, .http2Settings:
            throw .connectionSpecificField
        default: return known
        }
    }

    /// Name and value go to the store as an HTTP/1.1 line, which the serializer then copies in one piece.
    private func append(_ name: Span<UInt8>, _ value: Span<UInt8>, _ known: FieldName, to fields: inout FieldBlock) {
        let nameSlice = fields.store(name)
        fields.bytes.append(Byte.colon)
        fields.bytes.append(Byte.space)
        let valueSlice = fields.store(value)
        fields.bytes.append(Byte.carriageReturn)
        fields.bytes.append(Byte.lineFeed)
        fields.entries.append(FieldBlock.Entry(name: nameSlice, value: valueSlice, known: known))
    }

    private func has(_ pseudo: Pseudo) -> Bool { seen & pseudo.rawValue != 0 }

    private mutating func mark(_ pseudo: Pseudo) throws(HTTP2HeadError) {
        guard !sawRegular else { throw .misplacedPseudoField }
        guard !has(pseudo) else { throw .duplicatePseudoField }
        seen |= pseudo.rawValue
    }

    private func length(_ fields: FieldBlock) throws(HTTP2HeadError) -> UInt64? {
        guard contentLengthCount > 0 else { return nil }
        guard contentLengthCount == 1 else { throw .badContentLength }
        do { return try HTTP1Meaning.length(fields.bytes.span, contentLength) } catch { throw .badContentLength }
    }
}
