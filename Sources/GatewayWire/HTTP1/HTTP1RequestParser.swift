/// Reads HTTP/1.1 request heads (RFC 9112) into their canonical form, strictly: what two parsers could understand
/// differently is refused.
///
/// Feed it all unconsumed bytes from the start of a head; it remembers how far it got, so that a head arriving in
/// many pieces is read once. After a throw the parser and the connection are finished.
///
/// Decisions where the RFCs leave room:
/// - at most two empty lines before a request are skipped; every line ends in CR LF;
/// - a `Connection` field naming an end-to-end field the gateway or a backend relies on is refused;
/// - a repeated `Content-Length` is refused even when the values agree; `Transfer-Encoding` is exactly `chunked`;
/// - an absolute target overrides `Host` (RFC 9112 section 3.2.2), which must be there and valid all the same;
/// - content with CONNECT or TRACE is refused; expectations other than `100-continue` get 417;
/// - `Upgrade` counts only with `Connection: upgrade` and HTTP/1.1, and never for `h2c`.
package struct HTTP1RequestParser: Sendable {
    private enum Phase { case start, fields }

    private let limits: HTTP1Limits
    private var phase = Phase.start
    private var lines = HTTP1FieldLines()
    /// Where the request line starts: after skipped empty lines.
    private var lineStart = 0
    /// How far the request line was searched for its end.
    private var searchedTo = 0
    private var rawTarget = Slice.empty
    /// The last authority that was canonical as it came: a client names the same host again and again.
    private var knownHost: [UInt8] = []

    package init(limits: HTTP1Limits) { self.limits = limits }

    /// Reads one head. Returns how many bytes it took, or nil when more are needed.
    package mutating func parse(
        _ input: Span<UInt8>, into head: inout RequestHead
    ) throws(HTTP1ParseError) -> Int? {
        let end = min(input.count, limits.headBytesMax)
        if phase == .start {
            if searchedTo == 0 { head.reset() }
            guard try readRequestLine(input, end, &head) else { return nil }
            phase = .fields
        }
        let stop = try lines.read(input, to: end, countMax: limits.fieldCountMax, into: &head.fields.entries)
        guard stop == .end else {
            if input.count >= limits.headBytesMax { throw .headTooLarge }
            return nil
        }
        let consumed = lines.position
        head.fields.adopt(input.extracting(0..<consumed))
        try finish(&head)
        phase = .start
        lineStart = 0
        searchedTo = 0
        return consumed
    }

    // MARK: Request line

    /// Reads `method SP target SP version CRLF`; false when more bytes are needed.
    private mutating func readRequestLine(
        _ input: Span<UInt8>, _ headEnd: Int, _ head: inout RequestHead
    ) throws(HTTP1ParseError) -> Bool {
        if searchedTo > 0 {
            let feed = Scan.lineFeed(input, from: searchedTo, to: headEnd)
            if feed == headEnd, headEnd - lineStart < limits.requestLineBytesMax, headEnd < limits.headBytesMax {
                searchedTo = headEnd
                return false
            }
        }
        searchedTo = headEnd
        guard let start = try skipEmptyLines(input, headEnd) else { return false }
        lineStart = start
        let end = min(headEnd, start + limits.requestLineBytesMax)
        var index = start
        while index < end, Byte.isToken(input[index]) { index &+= 1 }
        guard index < end else { return try wanting(input, end, start) }
        guard input[index] == Byte.space, index > start else { throw badStart(input, index, start) }
        let targetStart = index &+ 1
        head.methodName = Slice(start: start, count: index &- start)
        head.method = HTTPMethod.named(input, start, index &- start)
        index = Scan.controlOrSpace(input, from: targetStart, to: end)
        guard index < end else { return try wanting(input, end, start) }
        guard input[index] == Byte.space else {
            return try refuseTarget(input, index, end, start)
        }
        guard index > targetStart else { throw .badTarget }
        rawTarget = Slice(start: targetStart, count: index &- targetStart)
        guard try readVersion(input, index &+ 1, end, &head) else { return try wanting(input, end, start) }
        lines.reset(at: index &+ 11)
        return true
    }

    /// `HTTP/1.1 CRLF`, byte by byte only when it is not exactly that.
    private func readVersion(
        _ input: Span<UInt8>, _ start: Int, _ end: Int, _ head: inout RequestHead
    ) throws(HTTP1ParseError) -> Bool {
        let expected: UInt64 = 0x312E_312F_5054_5448
        if start &+ 10 <= end, Word.load(input, start) == expected {
            head.version = .http11
        } else {
            for offset in 0..<8 {
                guard start + offset < end else { return false }
                let byte = input[start + offset]
                let isRight =
                    switch offset {
                    case 5, 7: Byte.isDigit(byte)
                    default: UInt64(byte) == expected >> UInt64(offset * 8) & 0xFF
                    }
                guard isRight else { throw .badVersion }
            }
            guard start + 9 < end else { return false }
        }
        let first = input[start &+ 8]
        guard first == Byte.carriageReturn, input[start &+ 9] == Byte.lineFeed else {
            if first == Byte.carriageReturn { throw .bareCarriageReturn }
            throw first == Byte.lineFeed ? .bareLineFeed : .badVersion
        }
        let (major, minor) = (input[start &+ 5], input[start &+ 7])
        if major == 0x32, minor == Byte.zero, isPreface(input, head) { throw .http2Preface }
        guard major == 0x31, minor < 0x32 else { throw .unsupportedVersion }
        head.version = minor == 0x31 ? .http11 : .http10
        return true
    }

    private func isPreface(_ input: Span<UInt8>, _ head: RequestHead) -> Bool {
        let name = head.methodName
        guard name.count == 3, rawTarget.count == 1, input[Int(rawTarget.start)] == 0x2A else { return false }
        let start = Int(name.start)
        return input[start] == 0x50 && input[start + 1] == 0x52 && input[start + 2] == 0x49
    }

    /// The start of the request line after at most two empty lines; nil when more bytes are needed.
    @inline(__always)
    private func skipEmptyLines(_ input: Span<UInt8>, _ end: Int) throws(HTTP1ParseError) -> Int? {
        var start = 0
        while start < end, input[start] == Byte.carriageReturn, start < 4 {
            guard start &+ 1 < end else { return nil }
            guard input[start &+ 1] == Byte.lineFeed else { throw .bareCarriageReturn }
            start &+= 2
        }
        return start < end ? start : nil
    }

    /// More bytes are needed, unless the line may not grow any more.
    private func wanting(_ input: Span<UInt8>, _ end: Int, _ start: Int) throws(HTTP1ParseError) -> Bool {
        if end - start >= limits.requestLineBytesMax { throw .requestLineTooLong }
        if end >= limits.headBytesMax { throw .headTooLarge }
        return false
    }

    private func badStart(_ input: Span<UInt8>, _ index: Int, _ start: Int) -> HTTP1ParseError {
        switch input[index] {
        case 0x16 where index == 0: .tlsOnPlaintext
        case Byte.lineFeed: .bareLineFeed
        case Byte.carriageReturn where index > start: .badVersion
        default: .badMethod
        }
    }

    /// The target ended in a control byte.
    private func refuseTarget(
        _ input: Span<UInt8>, _ index: Int, _ end: Int, _ start: Int
    ) throws(HTTP1ParseError) -> Bool {
        switch input[index] {
        case Byte.carriageReturn:
            guard index + 1 < end else { return try wanting(input, end, start) }
            throw input[index + 1] == Byte.lineFeed ? .badVersion : .bareCarriageReturn
        case Byte.lineFeed: throw .bareLineFeed
        default: throw .badTarget
        }
    }

    // MARK: Meaning

    private mutating func finish(_ head: inout RequestHead) throws(HTTP1ParseError) {
        var meaning = HTTP1Meaning()
        if !lines.special.isEmpty { try meaning.read(lines.special, in: head.fields, isRequest: true) }
        head.connection = meaning.connection
        if head.version == .http10, !head.connection.contains(.keepAlive) { head.connection.insert(.close) }
        try meaning.removeNamed(from: &head.fields, isRequest: true)
        if head.version == .http11 {
            head.expectsContinue = meaning.expectsContinue
            if head.connection.contains(.upgrade) {
                head.upgrade = try meaning.upgradeProtocol(in: &head.fields, isRequest: true)
            }
        }
        if head.upgrade.isEmpty { head.connection.remove(.upgrade) }
        head.acceptsTrailers = meaning.acceptsTrailers
        try frame(&head, meaning)
        try target(&head, meaning)
    }

    /// RFC 9112 section 6.3 for requests.
    private func frame(_ head: inout RequestHead, _ meaning: HTTP1Meaning) throws(HTTP1ParseError) {
        if lines.has(.transferEncoding) {
            if lines.has(.contentLength) { throw .lengthAndTransferEncoding }
            if head.version == .http10 { throw .badTransferEncoding }
            head.framing = .chunked
        } else if lines.has(.contentLength) {
            head.framing = .length(meaning.contentLength)
        } else {
            return
        }
        switch head.method {
        case .connect, .trace:
            if head.framing != .length(0) { throw .contentNotAllowed }
            head.framing = .none
        default: break
        }
    }

    private mutating func adoptHost(_ host: Slice, _ head: inout RequestHead) throws(HTTP1ParseError) {
        if Word.equals(head.fields.bytes.span, host, knownHost.span) {
            head.authority = host
            return
        }
        let before = host.count <= 64 ? head.fields.copy(host) : []
        try head.adoptAuthority(host, requiresPort: false)
        if head.authority == host, head.fields.equals(host, before) { knownHost = before }
    }

    private mutating func target(_ head: inout RequestHead, _ meaning: HTTP1Meaning) throws(HTTP1ParseError) {
        if meaning.hostCount > 1 { throw .duplicateHost }
        if head.version == .http11, meaning.host.isEmpty { throw .missingHost }
        if !meaning.host.isEmpty { try adoptHost(meaning.host, &head) }
        let raw = rawTarget
        if head.method == .connect {
            try head.adoptAuthority(raw, requiresPort: true)
            return
        }
        let first = head.fields.bytes[Int(raw.start)]
        if first == Byte.slash { return try head.adoptTarget(raw) }
        if first == 0x2A, raw.count == 1 {
            guard head.method == .options else { throw .badTarget }
            head.target = raw
            return
        }
        try head.adoptAbsoluteTarget(raw)
    }
}

extension HTTPMethod {
    /// The method these bytes name; methods are case-sensitive (RFC 9110 section 9.1).
    @inline(__always)
    static func named(_ input: Span<UInt8>, _ start: Int, _ count: Int) -> HTTPMethod {
        guard count <= 8 else { return .other }
        switch Word.load(input, start, count: count) {
        case 0x54_4547: return .get
        case 0x4441_4548: return .head
        case 0x5453_4F50: return .post
        case 0x54_5550: return .put
        case 0x4554_454C_4544: return .delete
        case 0x54_4345_4E4E_4F43: return .connect
        case 0x53_4E4F_4954_504F: return .options
        case 0x45_4341_5254: return .trace
        case 0x48_4354_4150: return .patch
        default: return .other
        }
    }
}
