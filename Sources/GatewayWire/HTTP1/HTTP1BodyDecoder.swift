/// Finds the bytes of one message's body in what arrives (RFC 9112 sections 6 and 7). Nothing is copied: the payload
/// comes out as ranges of the input.
///
/// Bytes that are not consumed (a chunk line or trailer that is not whole yet) must be given again with more behind
/// them. Chunk extensions are checked, counted and dropped. Trailers are kept in `trailers`; one that frames, routes
/// or authenticates (RFC 9110 section 6.5.1) is refused.
package struct HTTP1BodyDecoder: Sendable {
    /// What one call to `decode` did.
    package struct Progress: Sendable, Equatable {
        package var consumed: Int
        /// The body ends with the consumed bytes; what follows is the next message.
        package var isComplete: Bool
        /// The consumed bytes are whole chunks (and perhaps the last one without trailers) in exactly the form
        /// `HTTP1Serializer` writes, or plain bytes of a body with a known length: they may be forwarded unchanged to a
        /// peer with the same framing.
        package var isCanonical: Bool
    }

    private enum State {
        case none, length, untilClose, done
        case size, data, dataEnd, trailers
    }

    /// The trailer section, once complete.
    package private(set) var trailers = FieldBlock()
    /// The same; nil if there were none.
    package var someTrailers: FieldBlock? { trailers.isEmpty ? nil : trailers }
    private var state: State
    private var remaining: UInt64 = 0
    private var extensionBytes = 0
    private var trailerBytes = 0
    private let limits: HTTP1Limits

    package init(_ framing: BodyFraming, limits: HTTP1Limits) {
        self.limits = limits
        switch framing {
        case .none: state = .none
        case .length(let length):
            state = length == 0 ? .none : .length
            remaining = length
        case .chunked: state = .size
        case .untilClose: state = .untilClose
        }
    }

    /// Whether the whole body was read. A body until close is complete only when the connection closes.
    package var isComplete: Bool { state == .done || state == .none }

    /// Whether the connection may close here without cutting the message short.
    package var mayEndHere: Bool { isComplete || state == .untilClose }

    /// Reads what it can of `input`; appends the ranges of payload bytes to `payload`.
    package mutating func decode(
        _ input: Span<UInt8>, payload: inout [Range<Int>]
    ) throws(HTTP1ParseError) -> Progress {
        switch state {
        case .none, .done:
            state = .done
            return Progress(consumed: 0, isComplete: true, isCanonical: true)
        case .length:
            let count = Int(truncatingIfNeeded: min(UInt64(input.count), remaining))
            if count > 0 { payload.append(0..<count) }
            remaining &-= UInt64(count)
            if remaining == 0 { state = .done }
            return Progress(consumed: count, isComplete: remaining == 0, isCanonical: true)
        case .untilClose:
            if input.count > 0 { payload.append(0..<input.count) }
            return Progress(consumed: input.count, isComplete: false, isCanonical: true)
        case .size, .data, .dataEnd, .trailers:
            return try decodeChunks(input, &payload)
        }
    }

    private mutating func decodeChunks(
        _ input: Span<UInt8>, _ payload: inout [Range<Int>]
    ) throws(HTTP1ParseError) -> Progress {
        var index = 0
        var isCanonical = state == .size
        var isWaiting = false
        while !isWaiting, state != .done {
            switch state {
            case .size:
                guard let next = try readSize(input, index, &isCanonical) else {
                    isWaiting = true
                    continue
                }
                index = next
                state = remaining == 0 ? .trailers : .data
            case .data:
                let count = Int(truncatingIfNeeded: min(UInt64(input.count &- index), remaining))
                if count > 0 { payload.append(index..<(index &+ count)) }
                index &+= count
                remaining &-= UInt64(count)
                if remaining == 0 { state = .dataEnd } else { isWaiting = true }
            case .dataEnd:
                if index < input.count, input[index] != Byte.carriageReturn { throw .chunkMissingTerminator }
                guard index &+ 1 < input.count else {
                    isWaiting = true
                    continue
                }
                guard input[index &+ 1] == Byte.lineFeed else { throw .chunkMissingTerminator }
                index &+= 2
                state = .size
            default:
                guard let next = try readTrailerLine(input, index, &isCanonical) else {
                    isWaiting = true
                    continue
                }
                index = next
            }
        }
        if state != .size, state != .done { isCanonical = false }
        return Progress(consumed: index, isComplete: state == .done, isCanonical: isCanonical)
    }

    // MARK: Lines

    /// Reads a chunk line; returns where it ends, or nil when it is not whole.
    private mutating func readSize(
        _ input: Span<UInt8>, _ start: Int, _ isCanonical: inout Bool
    ) throws(HTTP1ParseError) -> Int? {
        let end = min(input.count, start + limits.chunkLineBytesMax)
        var size: UInt64 = 0
        var index = start
        var hasUpper = false
        while index < end, let digit = Byte.hexValue(input[index]) {
            // Fifteen digits stay far below Int.max, and leading zeros buy nobody anything.
            guard index &- start < 15 else { throw .badChunkSize }
            hasUpper = hasUpper || input[index] &- 0x41 < 6
            size = size &<< 4 | UInt64(digit)
            index &+= 1
        }
        guard index < end else { return try wantingLine(input, end, start) }
        guard index > start else { throw lineError(input[index], .badChunkSize) }
        if hasUpper || input[start] == Byte.zero && index &- start > 1 { isCanonical = false }
        if input[index] != Byte.carriageReturn {
            isCanonical = false
            let from = index
            guard let stop = try ChunkExtension.end(input, index, end) else {
                return try wantingLine(input, end, start)
            }
            if stop &+ 1 < input.count {
                extensionBytes += stop - from
                guard extensionBytes <= limits.chunkExtensionBytesMax else { throw .chunkLineTooLong }
            }
            index = stop
        }
        guard index &+ 1 < input.count else { return nil }
        guard input[index &+ 1] == Byte.lineFeed else { throw .bareCarriageReturn }
        remaining = size
        return index &+ 2
    }

    private func wantingLine(_ input: Span<UInt8>, _ end: Int, _ start: Int) throws(HTTP1ParseError) -> Int? {
        if end - start >= limits.chunkLineBytesMax { throw .chunkLineTooLong }
        return nil
    }

    private func lineError(_ byte: UInt8, _ other: HTTP1ParseError) -> HTTP1ParseError {
        byte == Byte.lineFeed ? .bareLineFeed : other
    }

    /// Reads one trailer line, or the empty line that ends the message.
    private mutating func readTrailerLine(
        _ input: Span<UInt8>, _ start: Int, _ isCanonical: inout Bool
    ) throws(HTTP1ParseError) -> Int? {
        guard start < input.count else { return nil }
        if input[start] == Byte.carriageReturn {
            guard start &+ 1 < input.count else { return nil }
            guard input[start &+ 1] == Byte.lineFeed else { throw .bareCarriageReturn }
            state = .done
            return start &+ 2
        }
        isCanonical = false
        let bound = start + limits.trailerBytesMax - trailerBytes
        let feed = Scan.lineFeed(input, from: start, to: min(input.count, bound))
        guard feed < input.count, feed < bound else {
            if input.count >= bound { throw .trailersTooLarge }
            return nil
        }
        trailerBytes += feed + 1 - start
        try readTrailer(input.extracting(start..<(feed + 1)))
        return feed + 1
    }

    private mutating func readTrailer(_ line: Span<UInt8>) throws(HTTP1ParseError) {
        var reader = HTTP1FieldLines()
        var entries: [FieldBlock.Entry] = []
        _ = try reader.read(line, to: line.count, countMax: 1, into: &entries)
        guard reader.special.isEmpty else { throw .forbiddenTrailer }
        guard let entry = entries.first else { throw .badHeaderName }
        guard !TrailerRules.forbids(entry.known) else { throw .forbiddenTrailer }
        guard trailers.count < limits.fieldCountMax else { throw .tooManyFields }
        var name = Array(line: line, entry.name)
        for index in name.indices { name[index] = Byte.lowercased(name[index]) }
        trailers.append(name: name, value: Array(line: line, entry.value))
    }
}

extension [UInt8] {
    fileprivate init(line: Span<UInt8>, _ slice: Slice) {
        self.init()
        for index in slice.range { append(line[index]) }
    }
}

/// Which fields may not come after the content (RFC 9110 section 6.5.1): those that frame, route, modify, authenticate
/// or describe the content, since they were needed before it.
package enum TrailerRules {
    package static func forbids(_ name: FieldName) -> Bool {
        switch name {
        case .host, .contentLength, .transferEncoding, .connection, .keepAlive, .proxyConnection, .upgrade, .te,
            .expect, .http2Settings, .trailer, .authorization, .proxyAuthorization, .proxyAuthenticate, .cookie,
            .setCookie, .contentEncoding, .contentType, .cacheControl, .range, .ifModifiedSince, .ifNoneMatch,
            .forwarded, .via, .xForwardedFor, .xForwardedHost, .xForwardedProto, .xForwardedPort, .xRealIP,
            .xRequestID, .xAPIKey, .location, .vary, .age, .expires, .date, .retryAfter, .pragma:
            true
        default: false
        }
    }
}

/// `*( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] )` (RFC 9112 section 7.1.1).
enum ChunkExtension {
    /// Where the extensions end: at the CR. Nil when the line goes on past `end`.
    static func end(_ input: Span<UInt8>, _ start: Int, _ end: Int) throws(HTTP1ParseError) -> Int? {
        var index = start
        while true {
            index = skipBlanks(input, index, end)
            guard index < end else { return nil }
            if input[index] == Byte.carriageReturn {
                // White space before the line end belongs to no extension.
                guard index == start || !isBlank(input[index - 1]) else { throw .badChunkExtension }
                return index
            }
            guard input[index] == Byte.semicolon else { throw error(input[index], index == start) }
            index = skipBlanks(input, index + 1, end)
            let name = index
            while index < end, Byte.isToken(input[index]) { index += 1 }
            guard index < end else { return nil }
            guard index > name else { throw error(input[index], false) }
            let afterName = index
            index = skipBlanks(input, index, end)
            guard index < end else { return nil }
            guard input[index] == Byte.equals else {
                index = afterName
                continue
            }
            index = skipBlanks(input, index + 1, end)
            guard index < end else { return nil }
            guard let stop = try value(input, index, end) else { return nil }
            index = stop
        }
    }

    private static func value(_ input: Span<UInt8>, _ start: Int, _ end: Int) throws(HTTP1ParseError) -> Int? {
        var index = start
        if input[index] == Byte.quote {
            index += 1
            while index < end, input[index] != Byte.quote {
                let step = input[index] == Byte.backslash ? 1 : 0
                index += step
                guard index < end else { return nil }
                let byte = input[index]
                if Scan.isControl(byte), byte != Byte.tab { throw error(byte, false) }
                index += 1
            }
            return index < end ? index + 1 : nil
        }
        while index < end, Byte.isToken(input[index]) { index += 1 }
        guard index < end else { return nil }
        guard index > start else { throw error(input[index], false) }
        return index
    }

    private static func error(_ byte: UInt8, _ isFirst: Bool) -> HTTP1ParseError {
        if byte == Byte.lineFeed { return .bareLineFeed }
        return isFirst ? .badChunkSize : .badChunkExtension
    }

    private static func skipBlanks(_ input: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
        var index = start
        while index < end, isBlank(input[index]) { index += 1 }
        return index
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == Byte.space || byte == Byte.tab }
}
