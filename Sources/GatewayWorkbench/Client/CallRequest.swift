/// A request as the caller wants it on the wire. `Host` and a length are added where they are missing.
package struct CallRequest: Sendable {
    package var method: String
    /// Request target, usually path and query.
    package var target: String
    package var headers: [Header]
    package var body: CallBody
    /// The whole exchange must be over by then.
    package var timeoutMilliseconds: Int = 30_000
    /// Writes nothing of the body before a 100 or a final head has come (with `Expect: 100-continue`).
    package var waitsForContinue = false

    package init(
        _ method: String = "GET", _ target: String = "/", headers: [Header] = [], body: CallBody = .none
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }
}

/// What follows the request head.
package enum CallBody: Sendable {
    case none
    /// Sent at once with a length.
    case bytes([UInt8])
    /// Sent piece by piece; chunked, unless the request's headers carry a length.
    case steps([CallBodyStep])

    package static func text(_ text: String) -> CallBody { .bytes(Array(text.utf8)) }
}

package enum CallBodyStep: Sendable {
    case bytes([UInt8])
    /// The same bytes many times, never ahead of the reader.
    case repeated([UInt8], count: Int)
    case pause(milliseconds: Int)
    case trailers([Header])
    /// Cuts the connection (over HTTP/2: the stream) here.
    case abort
}
