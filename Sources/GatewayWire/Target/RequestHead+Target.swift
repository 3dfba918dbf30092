/// Why a target or an authority cannot be made canonical.
package enum TargetError: Error, Sendable, CaseIterable {
    case badTarget, badHost

    var http1: HTTP1ParseError { self == .badTarget ? .badTarget : .badHost }
}

extension RequestHead {
    /// Stores an origin-form target (`:path` of HTTP/2) in canonical form and sets `target`, `path` and `query`.
    package mutating func setTarget(_ raw: Span<UInt8>) throws(TargetError) {
        try placeTarget(fields.store(raw))
    }

    /// As `setTarget`, for bytes that are in the store already.
    mutating func placeTarget(_ raw: Slice) throws(TargetError) {
        if raw.count == 1, fields.bytes[Int(raw.start)] == 0x2A, method == .options {
            target = raw
            path = .empty
            query = .empty
            return
        }
        try place(raw)
    }

    /// Stores an authority (`:authority` of HTTP/2, a name from SNI) in canonical form.
    package mutating func setAuthority(_ raw: Span<UInt8>, requiresPort: Bool = false) throws(TargetError) {
        let slice = fields.store(raw)
        authority = try CanonicalAuthority.canonicalise(slice, in: &fields.bytes, requiresPort: requiresPort)
    }

    private mutating func place(_ raw: Slice) throws(TargetError) {
        let result = try CanonicalPath.canonicalise(raw, in: &fields.bytes)
        target = result.target
        path = result.path
        query = result.query
    }

    /// As `placeTarget`, for origin-form only.
    mutating func adoptTarget(_ raw: Slice) throws(HTTP1ParseError) {
        do { try place(raw) } catch { throw error.http1 }
    }

    /// As `setAuthority`, for bytes that are in the store already; they may be changed in place.
    mutating func adoptAuthority(_ raw: Slice, requiresPort: Bool) throws(HTTP1ParseError) {
        do {
            authority = try CanonicalAuthority.canonicalise(raw, in: &fields.bytes, requiresPort: requiresPort)
        } catch { throw requiresPort ? .badTarget : error.http1 }
    }

    /// `http://authority/path?query` (RFC 9112 section 3.2.2); its authority overrides `Host`.
    mutating func adoptAbsoluteTarget(_ raw: Slice) throws(HTTP1ParseError) {
        let range = raw.range
        var start = range.lowerBound
        if Token.hasPrefix(fields.bytes.span, range, "http://") {
            start += 7
        } else if Token.hasPrefix(fields.bytes.span, range, "https://") {
            start += 8
        } else {
            throw .badTarget
        }
        var stop = start
        while stop < range.upperBound {
            let byte = fields.bytes[stop]
            if byte == Byte.slash || byte == Byte.question || byte == Byte.hash { break }
            // Userinfo has no place in a request and is a way to disguise the host (RFC 9110 section 4.2.4).
            if byte == Byte.at { throw .badTarget }
            stop += 1
        }
        do {
            authority = try CanonicalAuthority.canonicalise(
                Slice(start: start, count: stop - start), in: &fields.bytes, requiresPort: false)
        } catch { throw .badTarget }
        if stop == range.upperBound, method == .options {
            target = fields.store([0x2A])
            return
        }
        if stop < range.upperBound, fields.bytes[stop] == Byte.slash {
            return try adoptTarget(Slice(start: stop, count: range.upperBound - stop))
        }
        let rooted = fields.bytes.count
        fields.bytes.append(Byte.slash)
        for index in stop..<range.upperBound { fields.bytes.append(fields.bytes[index]) }
        try adoptTarget(Slice(start: rooted, count: fields.bytes.count - rooted))
    }
}

extension Token {
    /// Whether the range starts with this lower-case text in any case.
    static func hasPrefix(_ bytes: Span<UInt8>, _ range: Range<Int>, _ text: StaticString) -> Bool {
        let count = text.utf8CodeUnitCount
        return range.count >= count && equals(bytes, range.lowerBound..<(range.lowerBound + count), text)
    }
}
