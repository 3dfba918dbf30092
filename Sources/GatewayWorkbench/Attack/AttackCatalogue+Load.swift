extension AttackCatalogue {
    private static let large = 200_000

    /// Heads past every sane bound.
    static let oversize: [AttackCase] = [
        http1(
            "oversize/request-line", "a target of 200 KB", "RFC 9110 section 15.5.15", .high, .refused([400, 414, 431])
        ) {
            let target = $0.path("/attack?" + String(repeating: "x", count: large))
            return "GET \(target) HTTP/1.1\r\nHost: \($0.authority)\r\n\r\n"
        },
        http1(
            "oversize/method", "a method of 200 KB", "RFC 9110 section 15.5.15", .high,
            .refused([400, 405, 414, 431, 501])
        ) { "\(String(repeating: "G", count: large)) \($0.path("/attack")) HTTP/1.1\r\nHost: \($0.authority)\r\n\r\n" },
        http1("oversize/header", "a header of 200 KB", "RFC 6585 section 5", .high, .refused([400, 413, 431])) {
            get($0, "X-Large: " + String(repeating: "x", count: large))
        },
        http1("oversize/header-name", "a name of 200 KB", "RFC 6585 section 5", .high, .refused([400, 413, 431])) {
            get($0, String(repeating: "x", count: large) + ": x")
        },
        http1("oversize/header-count", "10,000 headers", "RFC 6585 section 5", .high, .refused([400, 413, 431])) {
            get($0, (0..<10_000).map { "X-\($0): x" }.joined(separator: "\r\n"))
        },
        http1(
            "oversize/header-endless", "a head that does not end", "RFC 6585 section 5", .high,
            .refused([400, 413, 431])
        ) {
            "GET \($0.path("/attack")) HTTP/1.1\r\nHost: \($0.authority)\r\n"
                + String(repeating: "X-A: \(String(repeating: "x", count: 100))\r\n", count: 5_000)
        },
        http1(
            "oversize/trailers", "trailers of 200 KB", "RFC 6585 section 5", .high, .refused([400, 413, 431, 502]),
            .nothingComplete
        ) {
            post(
                $0, "Transfer-Encoding: chunked",
                "5\r\nhello\r\n0\r\nX-Large: \(String(repeating: "x", count: large))\r\n\r\n")
        },
        http1(
            "oversize/blank-lines", "100,000 empty lines before the request", "RFC 9112 section 2.2", .medium,
            .refused([400, 413, 431])
        ) { String(repeating: "\r\n", count: 100_000) + get($0, "X-A: a") },
    ]

    /// Peers who take their time; each is judged by the time the run gives a slow peer.
    static let slow: [AttackCase] = [
        AttackCase(
            id: "slow/head", title: "a head byte by byte", reference: "RFC 9110 section 15.5.9", severity: .high,
            traffic: .http1 { site in
                [
                    .text("GET \(site.path("/attack")) HTTP/1.1\r\nHost: \(site.authority)\r\n"),
                    .drip(Array(repeating: 0x78, count: 10_000), milliseconds: site.dripMilliseconds),
                ]
            }, expectation: .cutOff, forwarding: .nothing),
        AttackCase(
            id: "slow/silence", title: "a connection without a byte", reference: "RFC 9112 section 9.5",
            severity: .medium,
            traffic: .http1 { _ in [] }, expectation: .cutOff, forwarding: .nothing),
        AttackCase(
            id: "slow/body", title: "a body that stops", reference: "RFC 9110 section 15.5.9", severity: .high,
            traffic: .http1 { site in [.text(post(site, "Content-Length: 1000", "hello"))] },
            expectation: .cutOff, forwarding: .nothingComplete),
        AttackCase(
            id: "slow/chunk", title: "a chunk size that stops", reference: "RFC 9110 section 15.5.9", severity: .high,
            traffic: .http1 { site in [.text(post(site, "Transfer-Encoding: chunked", "5\r\nhello\r\n1"))] },
            expectation: .cutOff, forwarding: .nothingComplete),
    ]

    /// Requests cut off by the end of the connection.
    static let truncated: [AttackCase] = [
        cut("head", "half of a head", .nothing) { "GET \($0.path("/attack")) HTTP/1.1\r\nHost: \($0.authority)\r\nX-" },
        cut("request-line", "half of a request line", .nothing) { "GET \($0.path("/att"))" },
        cut("length", "less than the length", .nothingComplete) { post($0, "Content-Length: 100", "hello") },
        cut("chunk", "half of a chunk", .nothingComplete) { post($0, "Transfer-Encoding: chunked", "64\r\nhello") },
        cut("last-chunk", "no last chunk", .nothingComplete) {
            post($0, "Transfer-Encoding: chunked", "5\r\nhello\r\n")
        },
    ]

    private static func cut(
        _ name: String, _ title: String, _ forwarding: AttackCase.Forwarding,
        _ text: @escaping @Sendable (AttackSite) -> String
    ) -> AttackCase {
        AttackCase(
            id: "truncated/\(name)", title: title, reference: "RFC 9112 section 8", severity: .high,
            traffic: .http1 { [.text(text($0)), .finish] }, expectation: .refused([400, 408, 502]),
            forwarding: forwarding)
    }
}
