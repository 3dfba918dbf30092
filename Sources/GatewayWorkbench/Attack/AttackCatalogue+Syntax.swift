extension AttackCatalogue {
    private static let rfcFields = "RFC 9112 section 5"

    /// Heads that are not HTTP.
    static let syntax: [AttackCase] =
        [
            ("obs-fold", "a folded header", "X-A: a\r\n b"),
            ("obs-fold-tab", "a header folded by a tab", "X-A: a\r\n\tb"),
            ("bare-cr", "a bare CR in a value", "X-A: a\rX-B: b"), ("nul", "NUL in a value", "X-A: a\0b"),
            ("nul-name", "NUL in a name", "X\0A: a"), ("space-before-colon", "a space before the colon", "X-A : a"),
            ("tab-before-colon", "a tab before the colon", "X-A\t: a"), ("no-colon", "a line without colon", "X-A"),
            ("empty-name", "a header without name", ": a"), ("control", "a control character", "X-A: a\u{01}b"),
            ("delete", "DEL in a value", "X-A: a\u{7F}b"), ("name-utf8", "a name that is not ASCII", "X-Ä: a"),
            ("name-brackets", "a name that is no token", "X[A]: a"),
        ].map { name, title, line in
            http1("syntax/\(name)", title, rfcFields, .high) { site in get(site, line) }
        } + [
            http1("syntax/space-first-line", "white space before the first header", "RFC 9112 section 2.2") { site in
                "GET \(site.path("/attack")) HTTP/1.1\r\n X-A: a\r\nHost: \(site.authority)\r\n\r\n"
            },
            http1("syntax/bare-lf-lines", "lines ended by a bare LF", "RFC 9112 section 2.2", .medium) { site in
                "GET \(site.path("/attack")) HTTP/1.1\nHost: \(site.authority)\n\n"
            },
            http1("syntax/bare-lf-header", "one header ended by a bare LF", "RFC 9112 section 2.2") { site in
                get(site, "X-A: a\nX-B: b")
            },
            http1(
                "syntax/bad-version", "HTTP/1.9a", "RFC 9112 section 2.3", .medium, .refused([400, 505])
            ) { "GET \($0.path("/attack")) HTTP/1.9a\r\nHost: \($0.authority)\r\n\r\n" },
            http1(
                "syntax/version-2", "HTTP/2.0 in a request line", "RFC 9112 section 2.3", .medium, .refused([400, 505])
            ) { "GET \($0.path("/attack")) HTTP/2.0\r\nHost: \($0.authority)\r\n\r\n" },
            http1(
                "syntax/version-lower", "http/1.1 in lower case", "RFC 9112 section 2.3", .low, .refused([400, 505])
            ) { "GET \($0.path("/attack")) http/1.1\r\nHost: \($0.authority)\r\n\r\n" },
            http1("syntax/version-missing", "HTTP/0.9", "RFC 9112 section 3", .medium, .refused([400, 505])) {
                "GET \($0.path("/attack"))\r\n\r\n"
            },
            http1("syntax/two-spaces", "two spaces in the request line", "RFC 9112 section 3", .medium) {
                "GET  \($0.path("/attack")) HTTP/1.1\r\nHost: \($0.authority)\r\n\r\n"
            },
            http1("syntax/space-in-target", "a space in the target", "RFC 9112 section 3.2") {
                "GET \($0.path("/attack x")) HTTP/1.1\r\nHost: \($0.authority)\r\n\r\n"
            },
            http1("syntax/control-in-target", "a control character in the target", "RFC 3986 section 2") {
                "GET \($0.path("/attack\u{01}")) HTTP/1.1\r\nHost: \($0.authority)\r\n\r\n"
            },
            http1(
                "syntax/bad-method", "a method that is no token", "RFC 9110 section 9.1", .medium,
                .refused([400, 405, 501])
            ) { "G(T \($0.path("/attack")) HTTP/1.1\r\nHost: \($0.authority)\r\n\r\n" },
            http1("syntax/pipelined-after-error", "a request after a bad one", "RFC 9112 section 9.3.2", .critical) {
                get($0, "X-A : a") + smuggled($0)
            },
            http1("syntax/garbage", "another protocol", "RFC 9112 section 3", .low) { _ in
                "\u{16}\u{03}\u{01}\u{02}\u{00}\u{01}\u{00}\r\n\r\n"
            },
            http1(
                "syntax/hop-by-hop", "Connection nominates a header of the end", "RFC 9110 section 7.6.1", .high,
                .refusedOrHarmless(refusals),
                .canonical { request in
                    if request.headers.has("x-hop") { return "forwarded a header Connection had nominated" }
                    return request.headers.has("keep-alive") ? "forwarded Keep-Alive" : nil
                }
            ) { get($0, "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5") },
            http1(
                "syntax/upgrade-h2c", "an upgrade to h2c", "RFC 9113 section 3.1", .high, .refusedOrHarmless(refusals),
                .canonical {
                    $0.headers.has("http2-settings") || $0.headers.first("upgrade") == "h2c"
                        ? "forwarded the upgrade to h2c" : nil
                }
            ) {
                get(
                    $0,
                    "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA")
            },
        ]

    /// `Host` and the authority.
    static let hosts: [AttackCase] = [
        http1("host/missing", "no Host", "RFC 9112 section 3.2") {
            "GET \($0.path("/attack")) HTTP/1.1\r\nX-A: a\r\n\r\n"
        },
        http1("host/twice", "two Hosts", "RFC 9112 section 3.2", .critical) { get($0, "Host: other.example") },
        http1("host/twice-same", "the same Host twice", "RFC 9112 section 3.2") { get($0, "Host: \($0.authority)") },
        http1("host/path", "a path in Host", "RFC 9110 section 7.2") {
            "GET \($0.path("/attack")) HTTP/1.1\r\nHost: \($0.authority)/x\r\n\r\n"
        },
        http1("host/userinfo", "user information in Host", "RFC 9110 section 4.2.4") {
            "GET \($0.path("/attack")) HTTP/1.1\r\nHost: a@\($0.authority)\r\n\r\n"
        },
        http1("host/space", "a space in Host", "RFC 9110 section 7.2") {
            "GET \($0.path("/attack")) HTTP/1.1\r\nHost: a \($0.authority)\r\n\r\n"
        },
        http1("host/list", "a list in Host", "RFC 9110 section 7.2") {
            "GET \($0.path("/attack")) HTTP/1.1\r\nHost: \($0.authority), other.example\r\n\r\n"
        },
        http1("host/bad-port", "a port that is no number", "RFC 3986 section 3.2.3") {
            "GET \($0.path("/attack")) HTTP/1.1\r\nHost: 127.0.0.1:8o\r\n\r\n"
        },
        http1(
            "host/absolute-mismatch", "the target names another host than Host", "RFC 9112 section 3.2.2", .high,
            .refusedOrHarmless([400, 404, 421]),
            .canonical { $0.host == "mismatch.example" ? "followed Host against the target" : nil }
        ) { "GET http://\($0.authority)\($0.path("/attack")) HTTP/1.1\r\nHost: mismatch.example\r\n\r\n" },
        http1(
            "host/forwarded-host", "X-Forwarded-Host from a stranger", "RFC 7239 section 8.1", .medium,
            .refusedOrHarmless(refusals),
            .canonical { $0.host == "mismatch.example" ? "took the host from X-Forwarded-Host" : nil }
        ) { get($0, "X-Forwarded-Host: mismatch.example") },
    ]

    /// Two readings of a path.
    static let paths: [AttackCase] =
        [
            ("dot-segments", "dot segments", "/a/../attack"), ("dot-encoded", "encoded dots", "/a/%2e%2e/attack"),
            ("dot-mixed", "half encoded dots", "/a/.%2E/attack"), ("dot-single", "a single dot", "/a/./attack"),
            ("dot-above-root", "dots above the root", "/../../attack"), ("dot-end", "dots at the end", "/attack/.."),
            ("dot-slash-encoded", "an encoded dot segment", "/a/..%2fattack"),
            ("backslash", "backslashes", "/a\\..\\attack"),
            ("backslash-encoded", "encoded backslashes", "/a%5c..%5cattack"),
            ("fragment", "a fragment", "/attack#x"), ("bad-escape", "a broken escape", "/attack%zz"),
            ("cut-escape", "an escape cut off", "/attack%2"), ("nul-encoded", "an encoded NUL", "/attack%00.txt"),
            ("overlong", "dots in overlong UTF-8", "/a/%c0%ae%c0%ae/attack"),
            ("double", "escaped escapes", "/a/%252e%252e/attack"),
            ("slash-encoded", "an encoded slash", "/a%2fattack"),
            ("parameters", "dots with a parameter", "/a/..;x=1/attack"),
            ("raw-utf8", "bytes above ASCII", "/ättack"),
        ].map { name, title, path in
            http1(
                "path/\(name)", title, "RFC 3986 section 5.2.4", .high, .refusedOrHarmless([400, 404]),
                .canonical { request in PathRules.fault(request.target, sent: path) }
            ) { site in "GET \(site.path(path)) HTTP/1.1\r\nHost: \(site.authority)\r\n\r\n" }
        }
}

/// What a forwarded target may look like.
enum PathRules {
    static func fault(_ target: String, sent: String) -> String? {
        let path = target.prefix { $0 != "?" }
        if target.contains("#") { return "forwarded a fragment" }
        if target.contains("\\") { return "forwarded a backslash" }
        if target.utf8.contains(where: { $0 <= 0x20 || $0 >= 0x7F }) {
            return "forwarded a raw byte outside printable ASCII"
        }
        for segment in path.split(separator: "/", omittingEmptySubsequences: false) {
            let plain = segment.lowercased().replacing("%2e", with: ".")
            if plain == "." || plain == ".." { return "forwarded a dot segment: \(target)" }
            if plain.hasPrefix("..;") { return nil }
        }
        if sent.contains("%252e"), !target.contains("%252e"), !target.contains("%252E") {
            return "decoded twice: \(target)"
        }
        if sent.contains("%2f"), !target.lowercased().contains("%2f"), !sent.contains("..") {
            return "decoded an encoded slash: \(target)"
        }
        return brokenEscape(path) ? "forwarded a broken escape: \(target)" : nil
    }

    private static func brokenEscape(_ path: Substring) -> Bool {
        let bytes = Array(path.utf8)
        return bytes.indices.contains { index in
            guard bytes[index] == 0x25 else { return false }
            guard index + 2 < bytes.count else { return true }
            return hexValue(bytes[index + 1]) == nil || hexValue(bytes[index + 2]) == nil
        }
    }
}
