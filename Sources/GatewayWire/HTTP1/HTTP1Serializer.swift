/// Writes heads and chunks in the one form the gateway uses on the wire. Heads come from our parsers or were built by
/// us, so there is nothing left to refuse here.
package enum HTTP1Serializer {
    /// A request head, as HTTP/1.1: request line, `host`, the fields, then what frames and steers.
    ///
    /// `connection`: `.close` writes `connection: close`; `.upgrade` (with `head.upgrade`) writes both upgrade fields.
    package static func append(
        request head: borrowing RequestHead, framing: BodyFraming, connection: ConnectionOptions = [],
        to out: inout [UInt8]
    ) {
        let bytes = head.fields.bytes.span
        out.reserveCapacity(out.count + bytes.count + 160)
        append(bytes, head.methodName, to: &out)
        out.append(Byte.space)
        let target = head.target.isEmpty ? head.authority : head.target
        append(bytes, target, to: &out)
        append(head.authority.isEmpty ? " HTTP/1.1\r\n" : " HTTP/1.1\r\nhost: ", to: &out)
        if !head.authority.isEmpty {
            append(bytes, head.authority, to: &out)
            appendLineEnd(to: &out)
        }
        appendFields(head.fields, to: &out)
        if head.expectsContinue { append("expect: 100-continue\r\n", to: &out) }
        let isUpgrade = connection.contains(.upgrade) && !head.upgrade.isEmpty
        if head.acceptsTrailers { append("te: trailers\r\n", to: &out) }
        appendFraming(framing, to: &out)
        if isUpgrade {
            append("upgrade: ", to: &out)
            append(bytes, head.upgrade, to: &out)
            append(head.acceptsTrailers ? "\r\nconnection: upgrade, te\r\n" : "\r\nconnection: upgrade\r\n", to: &out)
        } else if connection.contains(.close) {
            append(head.acceptsTrailers ? "connection: close, te\r\n" : "connection: close\r\n", to: &out)
        } else if head.acceptsTrailers {
            append("connection: te\r\n", to: &out)
        }
        appendLineEnd(to: &out)
    }

    /// A response head, as HTTP/1.1, with the standard reason phrase. `date` and `server` are the caller's.
    ///
    /// `connection`: `.close` and `.keepAlive` (for HTTP/1.0 clients) write that option; `.upgrade` both its fields.
    package static func append(
        response head: borrowing ResponseHead, framing: BodyFraming, connection: ConnectionOptions = [],
        to out: inout [UInt8]
    ) {
        let bytes = head.fields.bytes.span
        out.reserveCapacity(out.count + bytes.count + 160)
        append(status: head.status, to: &out)
        appendFields(head.fields, to: &out)
        appendFraming(framing, to: &out)
        if connection.contains(.upgrade), !head.upgrade.isEmpty {
            append("upgrade: ", to: &out)
            append(bytes, head.upgrade, to: &out)
            append("\r\nconnection: upgrade\r\n", to: &out)
        } else if connection.contains(.close) {
            append("connection: close\r\n", to: &out)
        } else if connection.contains(.keepAlive) {
            append("connection: keep-alive\r\n", to: &out)
        }
        appendLineEnd(to: &out)
    }

    /// `HTTP/1.1 200 OK CRLF`.
    package static func append(status: Int, to out: inout [UInt8]) {
        append("HTTP/1.1 ", to: &out)
        out.append(Byte.zero &+ UInt8(truncatingIfNeeded: status / 100 % 10))
        out.append(Byte.zero &+ UInt8(truncatingIfNeeded: status / 10 % 10))
        out.append(Byte.zero &+ UInt8(truncatingIfNeeded: status % 10))
        out.append(Byte.space)
        append(StatusPhrase.of(status), to: &out)
        appendLineEnd(to: &out)
    }

    /// The fields as lines. Neighbours that already stand in the store as `name: value CRLF` are copied in one piece.
    package static func appendFields(_ fields: borrowing FieldBlock, to out: inout [UInt8]) {
        let bytes = fields.bytes.span
        var runStart = 0
        var runEnd = 0
        for index in fields.entries.indices {
            let entry = fields.entries[index]
            let start = Int(entry.name.start)
            let colon = start &+ Int(entry.name.count)
            let value = Int(entry.value.start)
            let end = value &+ Int(entry.value.count)
            let isPlain =
                value == colon &+ 2 && end &+ 1 < bytes.count && bytes[colon] == Byte.colon
                && bytes[colon &+ 1] == Byte.space && bytes[end] == Byte.carriageReturn
                && bytes[end &+ 1] == Byte.lineFeed
            if isPlain, start == runEnd {
                runEnd = end &+ 2
                continue
            }
            if runEnd > runStart { append(bytes.extracting(runStart..<runEnd), to: &out) }
            if isPlain {
                runStart = start
                runEnd = end &+ 2
                continue
            }
            runStart = 0
            runEnd = 0
            append(bytes, entry.name, to: &out)
            out.append(Byte.colon)
            out.append(Byte.space)
            append(bytes, entry.value, to: &out)
            appendLineEnd(to: &out)
        }
        if runEnd > runStart { append(bytes.extracting(runStart..<runEnd), to: &out) }
    }

    private static func appendFraming(_ framing: BodyFraming, to out: inout [UInt8]) {
        switch framing {
        case .none, .untilClose: break
        case .length(let length):
            append("content-length: ", to: &out)
            append(decimal: length, to: &out)
            appendLineEnd(to: &out)
        case .chunked:
            append("transfer-encoding: chunked\r\n", to: &out)
        }
    }

    // MARK: Chunks

    /// The line before `size` bytes of payload; nothing for 0, which would end the body.
    package static func appendChunkHeader(size: Int, to out: inout [UInt8]) {
        guard size > 0 else { return }
        var shift = (UInt64.bitWidth - UInt64(size).leadingZeroBitCount + 3) / 4 * 4
        while shift > 0 {
            shift -= 4
            let digit = UInt8(truncatingIfNeeded: size >> shift) & 15
            out.append(digit < 10 ? Byte.zero + digit : 0x57 + digit)
        }
        appendLineEnd(to: &out)
    }

    /// The line end after a chunk's payload.
    package static func appendChunkEnd(to out: inout [UInt8]) { appendLineEnd(to: &out) }

    /// The end of a chunked body.
    package static func appendLastChunk(to out: inout [UInt8]) { append("0\r\n\r\n", to: &out) }

    /// The end of a chunked body with trailers.
    package static func appendLastChunk(trailers: borrowing FieldBlock, to out: inout [UInt8]) {
        append("0\r\n", to: &out)
        appendFields(trailers, to: &out)
        appendLineEnd(to: &out)
    }

    // MARK: Pieces

    @inline(__always)
    static func append(_ text: StaticString, to out: inout [UInt8]) {
        // Safe: a static string's bytes live for ever.
        unsafe out.append(contentsOf: UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }

    @inline(__always)
    static func append(_ bytes: Span<UInt8>, to out: inout [UInt8]) {
        // Safe: the closure only copies, and nothing of the pointer leaves it.
        unsafe bytes.withUnsafeBufferPointer { unsafe out.append(contentsOf: $0) }
    }

    @inline(__always)
    private static func append(_ bytes: Span<UInt8>, _ slice: Slice, to out: inout [UInt8]) {
        append(bytes.extracting(slice.range), to: &out)
    }

    @inline(__always)
    private static func appendLineEnd(to out: inout [UInt8]) {
        out.append(Byte.carriageReturn)
        out.append(Byte.lineFeed)
    }

    /// A plain decimal number.
    package static func append(decimal value: UInt64, to out: inout [UInt8]) {
        var divisor: UInt64 = 1
        while value / divisor >= 10 { divisor *= 10 }
        var rest = value
        while divisor > 0 {
            out.append(Byte.zero + UInt8(truncatingIfNeeded: rest / divisor))
            rest %= divisor
            divisor /= 10
        }
    }
}
