extension AttackCatalogue {
    private static let rfcLength = "RFC 9112 section 6.3"

    /// Two readings of where a request ends.
    static let smuggling: [AttackCase] = [
        http1("smuggling/cl-te", "both lengths, chunked wins later", rfcLength, .critical) { site in
            post(site, "Content-Length: 6\r\nTransfer-Encoding: chunked", "0\r\n\r\n" + smuggled(site))
        },
        http1("smuggling/te-cl", "both lengths, the length wins later", rfcLength, .critical) { site in
            post(site, "Transfer-Encoding: chunked\r\nContent-Length: 4", "1\r\nZ\r\n0\r\n\r\n" + smuggled(site))
        },
        http1("smuggling/te-te", "two codings, one misspelt", rfcLength, .critical) { site in
            post(site, "Transfer-Encoding: chunked\r\nTransfer-Encoding: xchunked", "0\r\n\r\n" + smuggled(site))
        },
        http1("smuggling/te-identity", "chunked and identity", rfcLength, .critical) { site in
            post(site, "Transfer-Encoding: chunked, identity", "0\r\n\r\n" + smuggled(site))
        },
        http1("smuggling/te-not-last", "chunked is not the last coding", rfcLength, .critical) { site in
            post(site, "Transfer-Encoding: chunked, gzip", "0\r\n\r\n" + smuggled(site))
        },
        http1("smuggling/te-twice", "chunked applied twice", "RFC 9112 section 6.1", .critical) { site in
            post(site, "Transfer-Encoding: chunked, chunked", "0\r\n\r\n" + smuggled(site))
        },
        http1("smuggling/te-unknown", "a coding nobody knows", "RFC 9112 section 6.1", .critical) { site in
            post(site, "Transfer-Encoding: cow", "0\r\n\r\n")
        },
        http1("smuggling/te-vertical-tab", "a vertical tab before chunked", rfcLength, .critical) { site in
            post(site, "Transfer-Encoding: \u{0B}chunked", "0\r\n\r\n" + smuggled(site))
        },
        http1("smuggling/te-http10", "chunked in HTTP/1.0", "RFC 9112 section 6.1", .critical) { site in
            "POST \(site.path("/attack")) HTTP/1.0\r\nHost: \(site.authority)\r\nConnection: keep-alive\r\n"
                + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + smuggled(site)
        },
        http1("smuggling/te-space-before-colon", "a space before the colon", "RFC 9112 section 5.1", .critical) {
            site in
            post(site, "Content-Length: 3\r\nTransfer-Encoding : chunked", "0\r\n\r\n" + smuggled(site))
        },
        http1("smuggling/te-folded", "a folded coding", "RFC 9112 section 5.2", .critical) { site in
            post(site, "Transfer-Encoding:\r\n chunked", "0\r\n\r\n" + smuggled(site))
        },
        http1(
            "smuggling/get-body", "a GET whose body is a request", "RFC 9110 section 9.3.1", .high,
            .refusedOrHarmless(refusals),
            .canonical { $0.target.contains("smuggled") ? "the body was taken for a request" : nil }
        ) { site in
            get(site, "Content-Length: \(smuggled(site).utf8.count)").replacing(
                "\r\n\r\n", with: "\r\n\r\n" + smuggled(site))
        },
    ]

    /// Lengths that are no lengths.
    static let lengths: [AttackCase] =
        [
            ("list-differing", "two lengths in a list", "5, 6"), ("signed-plus", "a length with +", "+5"),
            ("signed-minus", "a negative length", "-5"), ("hex", "a hexadecimal length", "0x5"),
            ("overflow", "a length past 64 bits", "18446744073709551621"), ("empty", "no digits", ""),
            ("space-inside", "a space inside the length", "5 5"), ("decimal", "a fraction", "5.0"),
            ("exponent", "an exponent", "5e0"), ("underscore", "an underscore", "5_0"),
            ("letters", "letters after digits", "5a"),
        ].map { name, title, value in
            http1("length/\(name)", title, "RFC 9110 section 8.6", .critical) { site in
                post(site, "Content-Length: \(value)", "hello")
            }
        } + [
            http1("length/twice-differing", "two different lengths", rfcLength, .critical) { site in
                post(site, "Content-Length: 5\r\nContent-Length: 6", "hello!")
            },
            http1(
                "length/twice-same", "the same length twice", rfcLength, .medium, .refusedOrHarmless(refusals),
                .canonical { $0.headers.all("content-length") == ["5"] ? nil : "forwarded more than one length" }
            ) { site in post(site, "Content-Length: 5\r\nContent-Length: 5", "hello") },
            http1(
                "length/arabic-digits", "digits of another script", "RFC 9110 section 8.6", .high
            ) { site in post(site, "Content-Length: \u{0665}", "hello") },
        ]

    /// Chunks that are no chunks; the head may be on its way before they are seen.
    static let chunks: [AttackCase] =
        [
            ("no-hex", "a size without digits", "zz\r\nhello\r\n0\r\n\r\n"),
            ("negative", "a negative size", "-5\r\nhello\r\n0\r\n\r\n"),
            ("plus", "a size with +", "+5\r\nhello\r\n0\r\n\r\n"),
            ("prefix", "a size with 0x", "0x5\r\nhello\r\n0\r\n\r\n"),
            ("overflow", "a size past 64 bits", "10000000000000005\r\nhello\r\n0\r\n\r\n"),
            ("no-terminator", "data longer than the size", "3\r\nhello\r\n0\r\n\r\n"),
            ("bare-lf", "a bare LF after the size", "5\nhello\r\n0\r\n\r\n"),
            ("bare-lf-data", "a bare LF after the data", "5\r\nhello\n0\r\n\r\n"),
            ("bare-cr", "a bare CR after the size", "5\rhello\r\n0\r\n\r\n"),
            ("leading-space", "a space before the size", " 5\r\nhello\r\n0\r\n\r\n"),
            ("extension-lf", "a bare LF in an extension", "5;a\nhello\r\n0\r\n\r\n"),
            ("extension-cr", "a bare CR in an extension", "5;a\rb\r\nhello\r\n0\r\n\r\n"),
            ("extension-nul", "NUL in an extension", "5;a=\0\r\nhello\r\n0\r\n\r\n"),
            (
                "extension-long", "an extension of 100 KB",
                "5;a=\(String(repeating: "x", count: 100_000))\r\nhello\r\n0\r\n\r\n"
            ),
            (
                "trailer-framing", "a length in the trailers",
                "5\r\nhello\r\n0\r\nContent-Length: 5\r\nbad name: x\r\n\r\n"
            ),
            ("trailer-folded", "a folded trailer", "5\r\nhello\r\n0\r\nX-A: a\r\n b\r\n\r\n"),
            ("trailer-nul", "NUL in a trailer", "5\r\nhello\r\n0\r\nX-A: a\0b\r\n\r\n"),
        ].map { name, title, body in
            http1(
                "chunk/\(name)", title, "RFC 9112 section 7.1", .critical, .refused([400, 413, 431, 502]),
                .nothingComplete
            ) { site in post(site, "Transfer-Encoding: chunked", body + smuggled(site)) }
        }
}
