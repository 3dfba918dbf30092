extension AttackCatalogue {
    private typealias H2 = HTTP2Bytes

    /// The pseudo headers of an ordinary request.
    private static func pseudo(_ site: AttackSite, method: String = "GET") -> [(String, String)] {
        [
            (":method", method), (":scheme", site.isSecure ? "https" : "http"), (":authority", site.authority),
            (":path", site.path("/attack")),
        ]
    }

    private static func http2(
        _ id: String, _ title: String, _ reference: String, _ severity: AttackCase.Severity = .high,
        _ expectation: AttackCase.Expectation = .streamError, _ forwarding: AttackCase.Forwarding = .nothing,
        _ bytes: @escaping @Sendable (AttackSite) -> [UInt8]
    ) -> AttackCase {
        AttackCase(
            id: id, title: title, reference: reference, severity: severity,
            traffic: .http2 { [.send(bytes($0))] }, expectation: expectation, forwarding: forwarding)
    }

    /// One request with a field it must not have.
    private static func field(_ id: String, _ title: String, _ name: String, _ value: String) -> AttackCase {
        http2("h2/\(id)", title, "RFC 9113 section 8.2") { site in
            H2.opening() + H2.headers(1, pseudo(site) + [(name, value)])
        }
    }

    static let http2Protocol: [AttackCase] = [
        http2("h2/bad-preface", "a preface that is none", "RFC 9113 section 3.4", .medium, .connectionError) { _ in
            Array("PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n".utf8) + H2.frame(.settings, stream: 0)
        },
        http2("h2/no-settings", "HEADERS before SETTINGS", "RFC 9113 section 3.4", .low, .connectionError) { site in
            H2.preface + H2.headers(1, pseudo(site))
        },
        http2("h2/even-stream", "an even stream number", "RFC 9113 section 5.1.1", .medium, .connectionError) { site in
            H2.opening() + H2.headers(2, pseudo(site))
        },
        http2("h2/data-on-idle", "DATA on an idle stream", "RFC 9113 section 5.1", .medium, .connectionError) { _ in
            H2.opening() + H2.frame(.data, flags: H2.endStream, stream: 1, [1, 2, 3])
        },
        http2(
            "h2/oversize-frame", "a frame past SETTINGS_MAX_FRAME_SIZE", "RFC 9113 section 4.2", .medium,
            .connectionError, .nothingComplete
        ) {
            site in
            H2.opening() + H2.headers(1, pseudo(site, method: "POST"), flags: H2.endHeaders)
                + H2.frame(.data, stream: 1, Array(repeating: 0, count: 1 << 24 - 1))
        },
        http2("h2/bad-settings-length", "SETTINGS of five bytes", "RFC 9113 section 6.5", .medium, .connectionError) {
            _ in
            H2.opening() + H2.frame(.settings, stream: 0, [0, 1, 0, 0, 0])
        },
        http2("h2/window-overflow", "a window past 2^31-1", "RFC 9113 section 6.9.1", .medium, .connectionError) { _ in
            H2.opening() + H2.frame(.windowUpdate, stream: 0, H2.word(0x7FFF_FFFF))
        },
        http2("h2/window-zero", "a window increment of 0", "RFC 9113 section 6.9", .medium, .connectionError) { _ in
            H2.opening() + H2.frame(.windowUpdate, stream: 0, H2.word(0))
        },
        http2("h2/push-promise", "PUSH_PROMISE from a client", "RFC 9113 section 8.4", .medium, .connectionError) {
            site in
            H2.opening() + H2.frame(.pushPromise, flags: H2.endHeaders, stream: 1, H2.word(2) + H2.block(pseudo(site)))
        },
        http2("h2/hpack-garbage", "a header block that is none", "RFC 7541 section 3.3", .high, .connectionError) { _ in
            H2.opening()
                + H2.frame(.headers, flags: H2.endStream | H2.endHeaders, stream: 1, [0xFF, 0xFF, 0xFF, 0xFF, 0x7F])
        },
        http2("h2/interleaved", "a frame inside a header block", "RFC 9113 section 6.10", .high, .connectionError) {
            site in
            H2.opening() + H2.headers(1, pseudo(site), flags: H2.endStream)
                + H2.frame(.ping, stream: 0, Array(repeating: 0, count: 8))
        },
        field("upper-case", "an upper-case name", "X-Upper", "1"),
        field("connection", "a Connection header", "connection", "close"),
        field("transfer-encoding", "Transfer-Encoding", "transfer-encoding", "chunked"),
        field("keep-alive", "Keep-Alive", "keep-alive", "timeout=5"),
        field("proxy-connection", "Proxy-Connection", "proxy-connection", "close"),
        field("upgrade", "Upgrade", "upgrade", "websocket"),
        field("te", "TE other than trailers", "te", "gzip"),
        field("value-lf", "LF in a value", "x-a", "a\nHost: evil"),
        field("value-cr", "CR in a value", "x-a", "a\r\nHost: evil"),
        field("value-nul", "NUL in a value", "x-a", "a\0b"),
        field("name-space", "a space in a name", "x a", "1"),
        field("name-colon", "a colon in a name", "x:a", "1"),
        field("name-empty", "an empty name", "", "1"),
        field("pseudo-unknown", "a pseudo header nobody knows", ":late", "1"),
        http2("h2/pseudo-late", "a pseudo header after a regular one", "RFC 9113 section 8.3") { site in
            H2.opening()
                + H2.headers(
                    1, pseudo(site).filter { $0.0 != ":path" } + [("x-a", "1"), (":path", site.path("/attack"))])
        },
        field("pseudo-twice", "a second :path", ":path", "/other"),
        field("pseudo-response", "a :status in a request", ":status", "200"),
        field("value-space", "white space around a value", "x-a", " a "),
        http2(
            "h2/host-mismatch", "Host other than :authority", "RFC 9113 section 8.3.1", .high,
            .refusedOrHarmless([400, 421]),
            .canonical { $0.host == "other.example" ? "followed host against :authority" : nil }
        ) { site in
            H2.opening() + H2.headers(1, pseudo(site) + [("host", "other.example")])
        },
        missing(":method"), missing(":scheme"), missing(":path"),
        http2("h2/path-empty", "an empty :path", "RFC 9113 section 8.3.1") { site in
            H2.opening() + H2.headers(1, pseudo(site).map { $0.0 == ":path" ? ($0.0, "") : $0 })
        },
        http2("h2/path-newline", "a request line inside :path", "RFC 9113 section 10.3", .critical) { site in
            H2.opening()
                + H2.headers(1, pseudo(site).map { $0.0 == ":path" ? ($0.0, "/ HTTP/1.1\r\nHost: evil\r\n\r\n") : $0 })
        },
        http2("h2/method-newline", "a request line inside :method", "RFC 9113 section 10.3", .critical) { site in
            H2.opening() + H2.headers(1, pseudo(site, method: "GET / HTTP/1.1\r\nHost: evil\r\n\r\nGET"))
        },
        http2(
            "h2/length-short", "less DATA than the length", "RFC 9113 section 8.1.1", .critical, .streamError,
            .nothingComplete
        ) { body($0, length: "10", data: "hello") },
        http2(
            "h2/length-long", "more DATA than the length", "RFC 9113 section 8.1.1", .critical, .streamError,
            .nothingComplete
        ) { body($0, length: "3", data: "hello" + smuggled($0)) },
        http2(
            "h2/length-none", "a length and END_STREAM", "RFC 9113 section 8.1.1", .critical, .streamError,
            .nothingComplete
        ) { H2.opening() + H2.headers(1, pseudo($0, method: "POST") + [("content-length", "5")]) },
        http2(
            "h2/trailer-pseudo", "a pseudo header in trailers", "RFC 9113 section 8.1", .high, .streamError,
            .nothingComplete
        ) { site in
            H2.opening() + H2.headers(1, pseudo(site, method: "POST"), flags: H2.endHeaders)
                + H2.frame(.data, stream: 1, Array("hello".utf8)) + H2.headers(1, [(":path", "/other")])
        },
    ]

    private static func missing(_ name: String) -> AttackCase {
        http2("h2/no-\(name.dropFirst())", "no \(name)", "RFC 9113 section 8.3.1") { site in
            H2.opening() + H2.headers(1, pseudo(site).filter { $0.0 != name })
        }
    }

    private static func body(_ site: AttackSite, length: String, data: String) -> [UInt8] {
        H2.opening() + H2.headers(1, pseudo(site, method: "POST") + [("content-length", length)], flags: H2.endHeaders)
            + H2.frame(.data, flags: H2.endStream, stream: 1, Array(data.utf8))
    }

    /// Cheap for the sender, dear for the receiver. Counts are far above any sane rate and bounded.
    static let http2Floods: [AttackCase] = [
        http2(
            "flood/rapid-reset", "3,000 streams opened and reset", "CVE-2023-44487", .critical, .connectionError,
            .canonical { _ in nil }
        ) { site in
            H2.opening()
                + (0..<3_000).flatMap { index in
                    let stream = UInt32(index * 2 + 1)
                    return H2.headers(stream, pseudo(site)) + H2.frame(.resetStream, stream: stream, H2.word(8))
                }
        },
        http2("flood/settings", "10,000 SETTINGS", "RFC 9113 section 10.5", .high, .connectionError) { _ in
            H2.opening() + (0..<10_000).flatMap { _ in H2.frame(.settings, stream: 0, H2.setting(4, 65_535)) }
        },
        http2("flood/ping", "10,000 PINGs", "RFC 9113 section 10.5", .high, .connectionError) { _ in
            H2.opening() + (0..<10_000).flatMap { _ in H2.frame(.ping, stream: 0, Array(repeating: 0, count: 8)) }
        },
        http2("flood/continuation", "CONTINUATION without end", "CERT VU#421644", .critical, .connectionError) { site in
            H2.opening() + H2.headers(1, pseudo(site), flags: H2.endStream)
                + (0..<2_000).flatMap {
                    H2.frame(.continuation, stream: 1, H2.block([("x-\($0)", String(repeating: "x", count: 500))]))
                }
        },
        http2("flood/continuation-empty", "empty CONTINUATION frames", "CERT VU#421644", .high, .connectionError) {
            site in
            H2.opening() + H2.headers(1, pseudo(site), flags: H2.endStream)
                + (0..<20_000).flatMap { _ in H2.frame(.continuation, stream: 1) }
        },
        http2(
            "flood/empty-data", "20,000 empty DATA frames", "CVE-2019-9518", .high, .streamError, .nothingComplete
        ) { site in
            H2.opening() + H2.headers(1, pseudo(site, method: "POST"), flags: H2.endHeaders)
                + (0..<20_000).flatMap { _ in H2.frame(.data, stream: 1) }
        },
        http2("flood/priority", "20,000 PRIORITY frames", "RFC 9113 section 10.5", .medium, .connectionError) { _ in
            H2.opening()
                + (0..<20_000).flatMap { H2.frame(.priority, stream: UInt32($0 * 2 + 1), H2.word(0) + [1]) }
        },
        http2("flood/header-list", "a header list of 1 MB", "RFC 9113 section 10.5.1", .high, .streamError) { site in
            let fields = pseudo(site) + (0..<64).map { ("x-\($0)", String(repeating: "x", count: 16_000)) }
            let block = H2.block(fields)
            let pieces = stride(from: 0, to: block.count, by: 16_000).map {
                Array(block[$0..<min($0 + 16_000, block.count)])
            }
            var bytes = H2.opening() + H2.frame(.headers, flags: H2.endStream, stream: 1, pieces[0])
            for (index, piece) in pieces.enumerated().dropFirst() {
                let last = index == pieces.count - 1
                bytes += H2.frame(.continuation, flags: last ? H2.endHeaders : 0, stream: 1, piece)
            }
            return bytes
        },
        http2(
            "flood/window-stall", "a response nobody gives a window", "CVE-2019-9517", .medium, .streamCutOff,
            .canonical { _ in nil }
        ) { site in
            H2.opening(H2.setting(4, 0)) + H2.headers(1, pseudo(site))
        },
    ]
}
