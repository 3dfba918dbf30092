/// Reads HTTP/1.1 response heads from a backend, as strictly as requests: a backend must not be able to smuggle
/// either. The one leniency is a status line that ends right after the status code.
///
/// `content-length` stays a field where it only describes (answers to HEAD, and 304); everywhere else lengths are
/// in `framing`. A `Connection` option naming an end-to-end field is ignored.
package struct HTTP1ResponseParser: Sendable {
    private enum Phase { case start, fields }

    private let limits: HTTP1Limits
    private var phase = Phase.start
    private var lines = HTTP1FieldLines()
    private var searchedTo = 0

    package init(limits: HTTP1Limits) { self.limits = limits }

    /// Reads one head, interim heads too (`isInterim`: call again for the next). Returns how many bytes it took, or
    /// nil when more are needed.
    package mutating func parse(
        _ input: Span<UInt8>, requestMethod: HTTPMethod, into head: inout ResponseHead
    ) throws(HTTP1ParseError) -> Int? {
        let end = min(input.count, limits.headBytesMax)
        if phase == .start {
            if searchedTo == 0 { head.reset() }
            guard try readStatusLine(input, end, &head) else {
                if input.count >= limits.headBytesMax { throw .headTooLarge }
                return nil
            }
            phase = .fields
        }
        let stop = try lines.read(input, to: end, countMax: limits.fieldCountMax, into: &head.fields.entries)
        guard stop == .end else {
            if input.count >= limits.headBytesMax { throw .headTooLarge }
            return nil
        }
        let consumed = lines.position
        head.fields.adopt(input.extracting(0..<consumed))
        try finish(&head, requestMethod)
        phase = .start
        searchedTo = 0
        return consumed
    }

    /// `HTTP/1.1 SP 3DIGIT [SP reason] CRLF`; false when more bytes are needed.
    private mutating func readStatusLine(
        _ input: Span<UInt8>, _ end: Int, _ head: inout ResponseHead
    ) throws(HTTP1ParseError) -> Bool {
        if searchedTo > 0 {
            let feed = Scan.lineFeed(input, from: searchedTo, to: end)
            searchedTo = end
            guard feed < end else { return false }
        }
        searchedTo = end
        let prefix: StaticString = "HTTP/1."
        for index in 0..<min(7, end) {
            // Safe: the index is below the static text's count.
            guard unsafe input[index] == prefix.utf8Start[index] else { throw .badStatusLine }
        }
        guard end > 13 else { return false }
        guard input[7] == Byte.zero || input[7] == 0x31 else { throw .unsupportedVersion }
        head.version = input[7] == 0x31 ? .http11 : .http10
        guard input[8] == Byte.space, Byte.isDigit(input[9]), Byte.isDigit(input[10]), Byte.isDigit(input[11]) else {
            throw .badStatusLine
        }
        head.status = Int(input[9] - Byte.zero) * 100 + Int(input[10] - Byte.zero) * 10 + Int(input[11] - Byte.zero)
        guard head.status >= 100, head.status < 600 else { throw .badStatusLine }
        guard input[12] == Byte.space || input[12] == Byte.carriageReturn else { throw .badStatusLine }
        let index = Scan.control(input, from: 12, to: end)
        guard index < end else { return false }
        if input[index] != Byte.carriageReturn {
            throw input[index] == Byte.lineFeed ? .bareLineFeed : .badStatusLine
        }
        guard index + 1 < end else { return false }
        guard input[index + 1] == Byte.lineFeed else { throw .bareCarriageReturn }
        lines.reset(at: index + 2)
        return true
    }

    private mutating func finish(_ head: inout ResponseHead, _ method: HTTPMethod) throws(HTTP1ParseError) {
        var meaning = HTTP1Meaning()
        if !lines.special.isEmpty { try meaning.read(lines.special, in: head.fields, isRequest: false) }
        head.connection = meaning.connection
        if head.version == .http10, !head.connection.contains(.keepAlive) { head.connection.insert(.close) }
        try meaning.removeNamed(from: &head.fields, isRequest: false)
        if head.status == 101 {
            head.upgrade = try meaning.upgradeProtocol(in: &head.fields, isRequest: false)
            guard !head.upgrade.isEmpty, head.connection.contains(.upgrade) else { throw .badUpgrade }
        } else {
            head.connection.remove(.upgrade)
        }
        try frame(&head, method, meaning)
    }

    /// RFC 9112 section 6.3, in its order.
    private func frame(
        _ head: inout ResponseHead, _ method: HTTPMethod, _ meaning: HTTP1Meaning
    ) throws(HTTP1ParseError) {
        let hasLength = lines.has(.contentLength)
        let isChunked = lines.has(.transferEncoding)
        if isChunked, hasLength { throw .lengthAndTransferEncoding }
        if method == .connect, head.status >= 200, head.status < 300 { return }
        if head.status < 200 || head.status == 204 { return }
        if method == .head || head.status == 304 {
            if hasLength { keepContentLength(in: &head.fields) }
            return
        }
        if isChunked {
            if head.version == .http10 { throw .badTransferEncoding }
            head.framing = .chunked
        } else if hasLength {
            head.framing = .length(meaning.contentLength)
        } else {
            head.framing = .untilClose
            head.connection.insert(.close)
        }
    }

    private func keepContentLength(in fields: inout FieldBlock) {
        for entry in lines.special where entry.known == .contentLength {
            let name = fields.store(FieldName.names[Int(FieldName.contentLength.rawValue)])
            fields.entries.append(FieldBlock.Entry(name: name, value: entry.value, known: .contentLength))
        }
    }
}
