/// Writes heads and chunks in the one form the gateway uses on the wire. Heads come from our parsers or were built by
/// us, so there is nothing left to refuse here.
package enum HTTP1Serializer {
    // MARK: Heads

    /// Lines of a head beside its fields, at most: start line without target, host, framing and steering.
    private static let fixedBytesMax = 256

    /// The room a request head takes at most.
    package static func bytesMax(request head: borrowing RequestHead) -> Int {
        fixedBytesMax &+ bytesMax(head.fields) &+ Int(head.methodName.count) &+ Int(head.target.count)
            &+ 2 &* Int(head.authority.count) &+ Int(head.upgrade.count)
    }

    /// The room a response head takes at most.
    package static func bytesMax(response head: borrowing ResponseHead) -> Int {
        fixedBytesMax &+ bytesMax(head.fields) &+ Int(head.upgrade.count)
    }

    private static func bytesMax(_ fields: borrowing FieldBlock) -> Int {
        var sum = 0
        for index in fields.entries.indices {
            sum &+= Int(fields.entries[index].name.count) &+ Int(fields.entries[index].value.count) &+ 4
        }
        return sum
    }

    /// A request head, as HTTP/1.1: request line, `host`, the fields, then what frames and steers.
    ///
    /// `connection`: `.close` writes `connection: close`; `.upgrade` (with `head.upgrade`) writes both upgrade fields.
    package static func write(
        request head: borrowing RequestHead, framing: BodyFraming, connection: ConnectionOptions = .none,
        to out: inout ByteWriter
    ) {
        let bytes = head.fields.bytes.span
        out.append(bytes, head.methodName)
        out.append(Byte.space)
        out.append(bytes, head.target.isEmpty ? head.authority : head.target)
        if head.authority.isEmpty {
            out.append(" HTTP/1.1\r\n")
        } else {
            out.append(" HTTP/1.1\r\nhost: ")
            out.append(bytes, head.authority)
            out.appendLineEnd()
        }
        write(head.fields, to: &out)
        if head.expectsContinue { out.append("expect: 100-continue\r\n") }
        let isUpgrade = connection.contains(.upgrade) && !head.upgrade.isEmpty
        if head.acceptsTrailers { out.append("te: trailers\r\n") }
        write(framing, to: &out)
        if isUpgrade {
            out.append("upgrade: ")
            out.append(bytes, head.upgrade)
            out.append(head.acceptsTrailers ? "\r\nconnection: upgrade, te\r\n" : "\r\nconnection: upgrade\r\n")
        } else if connection.contains(.close) {
            out.append(head.acceptsTrailers ? "connection: close, te\r\n" : "connection: close\r\n")
        } else if head.acceptsTrailers {
            out.append("connection: te\r\n")
        }
        out.appendLineEnd()
    }

    /// A response head, as HTTP/1.1, with the standard reason phrase. `date` and `server` are the caller's.
    ///
    /// `connection`: `.close` and `.keepAlive` (for HTTP/1.0 clients) write that option; `.upgrade` both its fields.
    package static func write(
        response head: borrowing ResponseHead, framing: BodyFraming, connection: ConnectionOptions = .none,
        to out: inout ByteWriter
    ) {
        let bytes = head.fields.bytes.span
        write(status: head.status, to: &out)
        write(head.fields, to: &out)
        write(framing, to: &out)
        if connection.contains(.upgrade), !head.upgrade.isEmpty {
            out.append("upgrade: ")
            out.append(bytes, head.upgrade)
            out.append("\r\nconnection: upgrade\r\n")
        } else if connection.contains(.close) {
            out.append("connection: close\r\n")
        } else if connection.contains(.keepAlive) {
            out.append("connection: keep-alive\r\n")
        }
        out.appendLineEnd()
    }

    /// `HTTP/1.1 200 OK CRLF`.
    private static func write(status: Int, to out: inout ByteWriter) {
        if status == 200 { return out.append("HTTP/1.1 200 OK\r\n") }
        out.append("HTTP/1.1 ")
        out.append(Byte.zero &+ UInt8(truncatingIfNeeded: status / 100 % 10))
        out.append(Byte.zero &+ UInt8(truncatingIfNeeded: status / 10 % 10))
        out.append(Byte.zero &+ UInt8(truncatingIfNeeded: status % 10))
        out.append(Byte.space)
        out.append(StatusPhrase.of(status))
        out.appendLineEnd()
    }

    /// The fields as lines. Neighbours that already stand in the store as `name: value CRLF` are copied in one piece.
    private static func write(_ fields: borrowing FieldBlock, to out: inout ByteWriter) {
        let bytes = fields.bytes.span
        let entries = fields.entries.span
        var runStart = 0
        var runEnd = 0
        for index in entries.indices {
            let entry = entries[index]
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
            if runEnd > runStart { out.append(bytes.extracting(runStart..<runEnd)) }
            if isPlain {
                runStart = start
                runEnd = end &+ 2
                continue
            }
            runStart = 0
            runEnd = 0
            out.append(bytes, entry.name)
            out.append(Byte.colon)
            out.append(Byte.space)
            out.append(bytes, entry.value)
            out.appendLineEnd()
        }
        if runEnd > runStart { out.append(bytes.extracting(runStart..<runEnd)) }
    }

    private static func write(_ framing: BodyFraming, to out: inout ByteWriter) {
        switch framing {
        case .none, .untilClose: break
        case .length(let length):
            out.append("content-length: ")
            out.append(decimal: length)
            out.appendLineEnd()
        case .chunked:
            out.append("transfer-encoding: chunked\r\n")
        }
    }

    /// As `write(request:…)`, into an array.
    package static func append(
        request head: borrowing RequestHead, framing: BodyFraming, connection: ConnectionOptions = .none,
        to out: inout [UInt8]
    ) {
        // A borrowed value cannot be captured, and the closure is over before this function is.
        let head = copy head
        out.write(bytesMax: bytesMax(request: head)) {
            write(request: head, framing: framing, connection: connection, to: &$0)
        }
    }

    /// As `write(response:…)`, into an array.
    package static func append(
        response head: borrowing ResponseHead, framing: BodyFraming, connection: ConnectionOptions = .none,
        to out: inout [UInt8]
    ) {
        let head = copy head
        out.write(bytesMax: bytesMax(response: head)) {
            write(response: head, framing: framing, connection: connection, to: &$0)
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
        let trailers = copy trailers
        out.write(bytesMax: bytesMax(trailers)) { write(trailers, to: &$0) }
        appendLineEnd(to: &out)
    }

    // MARK: Pieces

    @inline(__always)
    package static func append(_ text: StaticString, to out: inout [UInt8]) {
        out.write(bytesMax: text.utf8CodeUnitCount) { $0.append(text) }
    }

    package static func append(_ bytes: Span<UInt8>, to out: inout [UInt8]) {
        out.write(bytesMax: bytes.count) { $0.append(bytes) }
    }

    @inline(__always)
    private static func appendLineEnd(to out: inout [UInt8]) {
        out.append(Byte.carriageReturn)
        out.append(Byte.lineFeed)
    }

    /// A plain decimal number.
    package static func append(decimal value: UInt64, to out: inout [UInt8]) {
        out.write(bytesMax: 20) { $0.append(decimal: value) }
    }
}
