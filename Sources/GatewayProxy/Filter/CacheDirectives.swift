import GatewayWire

/// What `Cache-Control` of a request or a response says (RFC 9111 section 5.2). Seconds are -1 when not given. A
/// directive with field names (`private="x"`) counts as if it had none, which is the strict reading.
struct CacheDirectives {
    private(set) var noStore = false
    private(set) var noCache = false
    private(set) var isPrivate = false
    private(set) var isPublic = false
    private(set) var onlyIfCached = false
    private(set) var maxAgeSeconds = -1
    private(set) var sharedMaxAgeSeconds = -1
    private(set) var minFreshSeconds = -1

    static let secondsMax = 1 << 31

    init(_ fields: borrowing FieldBlock) {
        var isSaid = false
        for index in fields.entries.indices where fields.entries[index].known == .cacheControl {
            isSaid = true
            var list = FieldList(fields.entries[index].value.range)
            while let element = list.next(fields.bytes.span) { read(fields.bytes.span, element) }
        }
        // Of HTTP/1.0 clients (RFC 9111 section 5.4).
        if !isSaid, fields.listContains(.pragma, "no-cache") { noCache = true }
    }

    private mutating func read(_ bytes: Span<UInt8>, _ element: Range<Int>) {
        var split = element.lowerBound
        while split < element.upperBound, bytes[split] != UInt8(ascii: "=") { split += 1 }
        let name = element.lowerBound..<split
        func says(_ word: StaticString) -> Bool { FieldBlock.matches(bytes, name, word) }
        let value = min(split + 1, element.upperBound)..<element.upperBound
        if says("no-store") { noStore = true }
        if says("no-cache") { noCache = true }
        if says("private") { isPrivate = true }
        if says("public") { isPublic = true }
        if says("only-if-cached") { onlyIfCached = true }
        if says("max-age") { maxAgeSeconds = CacheDirectives.stricter(maxAgeSeconds, bytes, value) }
        if says("s-maxage") { sharedMaxAgeSeconds = CacheDirectives.stricter(sharedMaxAgeSeconds, bytes, value) }
        if says("min-fresh") { minFreshSeconds = CacheDirectives.seconds(bytes, value) ?? CacheDirectives.secondsMax }
    }

    /// The shorter time of two; what is no number is no time at all.
    private static func stricter(_ known: Int, _ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        let value = seconds(bytes, range) ?? 0
        return known < 0 ? value : min(known, value)
    }

    /// `delta-seconds`, also in quotes.
    static func seconds(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        var range = range
        if range.count >= 2, bytes[range.lowerBound] == 0x22, bytes[range.upperBound - 1] == 0x22 {
            range = (range.lowerBound + 1)..<(range.upperBound - 1)
        }
        guard !range.isEmpty else { return nil }
        var value = 0
        for index in range {
            guard bytes[index] &- 0x30 < 10 else { return nil }
            value = min(value * 10 + Int(bytes[index] - 0x30), secondsMax)
        }
        return value
    }
}

/// How long an answer may be kept and from whom it may be shown to others (RFC 9111 sections 3, 3.5 and 4.2).
struct CacheVerdict: Equatable {
    var lifetimeSeconds: Int
    /// How old it was when it came.
    var ageSeconds: Int
    /// It says that credentials do not matter.
    var isShared: Bool
    /// Request fields it depends on, lower case.
    var varies: [[UInt8]]

    /// Nil when the answer must not be kept. `isCredentialed` is about its request.
    init?(_ response: borrowing ResponseHead, rule: CacheRule, isCredentialed: Bool) {
        guard rule.statuses.contains(response.status), response.status >= 200, response.status != 206,
            response.status != 304
        else { return nil }
        // Cut off, the body of unknown length would look whole.
        if case .untilClose = response.framing { return nil }
        let directives = CacheDirectives(response.fields)
        if directives.noStore || directives.noCache || directives.isPrivate { return nil }
        if response.fields.contains(.setCookie) { return nil }
        isShared = directives.isPublic || directives.sharedMaxAgeSeconds >= 0
        if isCredentialed, !isShared { return nil }
        guard let varies = CacheVerdict.varies(response.fields) else { return nil }
        self.varies = varies
        ageSeconds = CacheVerdict.age(response.fields)
        lifetimeSeconds = CacheVerdict.lifetime(response.fields, directives) ?? rule.lifetimeSeconds
        if lifetimeSeconds <= ageSeconds { return nil }
    }

    private static func age(_ fields: borrowing FieldBlock) -> Int {
        guard let entry = fields.first(.age) else { return 0 }
        return CacheDirectives.seconds(fields.bytes.span, entry.value.range) ?? CacheDirectives.secondsMax
    }

    /// What the answer says itself; nil when it says nothing.
    private static func lifetime(_ fields: borrowing FieldBlock, _ directives: CacheDirectives) -> Int? {
        if directives.sharedMaxAgeSeconds >= 0 { return directives.sharedMaxAgeSeconds }
        if directives.maxAgeSeconds >= 0 { return directives.maxAgeSeconds }
        guard let expires = fields.first(.expires) else { return nil }
        // A time that cannot be read has passed (RFC 9111 section 5.3).
        guard let end = HTTPDate.seconds(fields.bytes.span, expires.value.range), let date = fields.first(.date),
            let start = HTTPDate.seconds(fields.bytes.span, date.value.range)
        else { return 0 }
        return max(0, min(end - start, CacheDirectives.secondsMax))
    }

    /// Fields that the gateway writes anew for the backend: what a client sends of them says nothing about the answer.
    private static let ownNames: [StaticString] = [
        "forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-forwarded-port", "x-real-ip",
        "traceparent", "tracestate", "x-request-id", "via",
    ]

    /// The names in `Vary`; nil when no other request can be known to get the same answer.
    private static func varies(_ fields: borrowing FieldBlock) -> [[UInt8]]? {
        var names: [[UInt8]] = []
        for index in fields.entries.indices where fields.entries[index].known == .vary {
            var list = FieldList(fields.entries[index].value.range)
            while let element = list.next(fields.bytes.span) {
                if fields.bytes[element.lowerBound] == UInt8(ascii: "*") { return nil }
                for own in ownNames where FieldBlock.matches(fields.bytes.span, element, own) { return nil }
                let name = fields.bytes[element].map(FieldBlock.lowercased)
                if !names.contains(name) { names.append(name) }
                if names.count > 16 { return nil }
            }
        }
        return names
    }
}

/// `IMF-fixdate` (RFC 9110 section 5.6.7), the one form that may be sent today.
enum HTTPDate {
    private static let months = Array("JanFebMarAprMayJunJulAugSepOctNovDec".utf8)

    /// Seconds since 1970; nil for anything that is not `Sun, 06 Nov 1994 08:49:37 GMT`.
    static func seconds(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int? {
        guard range.count == 29 else { return nil }
        let start = range.lowerBound
        func number(_ offset: Int, _ digits: Int) -> Int? {
            var value = 0
            for index in (start + offset)..<(start + offset + digits) {
                guard bytes[index] &- 0x30 < 10 else { return nil }
                value = value * 10 + Int(bytes[index] - 0x30)
            }
            return value
        }
        guard bytes[start + 3] == 0x2C, FieldBlock.matches(bytes, (start + 26)..<(start + 29), "gmt"),
            let day = number(5, 2), let year = number(12, 4), let hour = number(17, 2), let minute = number(20, 2),
            let second = number(23, 2), bytes[start + 19] == 0x3A, bytes[start + 22] == 0x3A, year >= 1970,
            (1...31).contains(day), hour < 24, minute < 60, second < 61
        else { return nil }
        var month = 0
        while month < 12 {
            let name = month * 3
            if (0..<3).allSatisfy({ bytes[start + 8 + $0] == months[name + $0] }) { break }
            month += 1
        }
        guard month < 12 else { return nil }
        return days(year, month + 1, day) * 86_400 + hour * 3_600 + minute * 60 + second
    }

    /// Days since 1970 of a civil date; years begin in March, so that the leap day ends them.
    private static func days(_ year: Int, _ month: Int, _ day: Int) -> Int {
        let shifted = month > 2 ? year : year - 1
        let monthIndex = month > 2 ? month - 3 : month + 9
        let dayOfYear = (153 * monthIndex + 2) / 5 + day - 1
        return shifted * 365 + shifted / 4 - shifted / 100 + shifted / 400 + dayOfYear - 719_468
    }
}
