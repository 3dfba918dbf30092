import NIOCore

/// Ways a broken upstream answers, by name (`?fault=truncate`).
package enum MockFault: String, Sendable, CaseIterable {
    /// RST before any byte.
    case reset
    /// Orderly close before any byte.
    case close
    /// Never answers.
    case silent
    /// Head and half of the body, then RST.
    case resetBody = "reset-body"
    /// Head with a length, half of the body, then an orderly close.
    case truncate
    /// Chunked, then an orderly close without the last chunk.
    case truncateChunked = "truncate-chunked"
    /// A head, then nothing.
    case stallBody = "stall-body"
    /// Half of a head, then nothing.
    case stallHead = "stall-head"
    /// A body without length that ends with the connection: legal in HTTP/1.
    case untilClose = "until-close"
    /// As `untilClose`, from an HTTP/1.0 server.
    case http10
    /// Both lengths at once.
    case bothLengths = "both-lengths"
    /// Two different lengths.
    case twoLengths = "two-lengths"
    /// A chunk size that is no number.
    case badChunk = "bad-chunk"
    /// A length that is no number.
    case badLength = "bad-length"
    /// Not HTTP at all.
    case garbage
    /// A header line with NUL in it.
    case badHeader = "bad-header"
    /// A head of some 200 KiB.
    case hugeHead = "huge-head"
    /// A full answer and then bytes nobody asked for.
    case extraBytes = "extra-bytes"
    /// A status line without a status.
    case badStatus = "bad-status"
    /// 101 that nobody asked for.
    case strayUpgrade = "stray-upgrade"

    var steps: [MockStep] {
        switch self {
        case .reset: [.reset]
        case .close: [.close]
        case .silent: [.hang]
        case .resetBody: half + [.wait(milliseconds: 20), .reset]
        case .truncate: half + [.close]
        case .truncateChunked: raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n") + [.close]
        case .stallBody: half + [.hang]
        case .stallHead: raw("HTTP/1.1 200 OK\r\nContent-Le") + [.hang]
        case .untilClose: raw("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nuntil close") + [.close]
        case .http10: raw("HTTP/1.0 200 OK\r\nContent-Type: text/plain\r\n\r\nuntil close") + [.close]
        case .bothLengths:
            raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
        case .twoLengths: raw("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello!")
        case .badChunk: raw("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n0\r\n\r\n")
        case .badLength: raw("HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello")
        case .garbage: raw("SSH-2.0-OpenSSH_9.9\r\n\r\n\u{1}\u{2}\u{3}") + [.close]
        case .badHeader: raw("HTTP/1.1 200 OK\r\nX-Bad: a\0b\r\nContent-Length: 2\r\n\r\nok")
        case .hugeHead:
            raw("HTTP/1.1 200 OK\r\nX-Huge: \(String(repeating: "h", count: 200_000))\r\nContent-Length: 2\r\n\r\nok")
        case .extraBytes:
            raw("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil")
        case .badStatus: raw("HTTP/1.1 OK\r\nContent-Length: 2\r\n\r\nok")
        case .strayUpgrade:
            raw("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: other\r\n\r\n") + [.hang]
        }
    }

    private var half: [MockStep] {
        [
            .head(200, [Header("Content-Type", "text/plain"), Header("Content-Length", "1000")]),
            .chunk(ByteBuffer(repeating: 0x68, count: 500)),
        ]
    }

    private func raw(_ text: String) -> [MockStep] {
        [.raw(ByteBuffer(string: text))]
    }
}
