package import NIOCore

/// One thing a mock does while answering; an answer is a list of them, so that a fault is data and
/// not a branch in the server.
package enum MockStep: Sendable {
    /// A 1xx head.
    case informational(Int, [Header])
    case head(Int, [Header])
    case chunk(ByteBuffer)
    /// `count` chunks made one by one, `intervalMilliseconds` apart, never ahead of the reader.
    case stream(count: Int, intervalMilliseconds: Int, make: @Sendable (Int) -> ByteBuffer)
    /// What others write, until they end it.
    case feed(MockFeed)
    /// The request body, sent back as it arrives.
    case echoBody
    /// Nothing until the request has arrived as a whole.
    case awaitBody
    /// The steps that follow, made from the request with its body: behind `awaitBody`.
    case answer(@Sendable (MockRequest) -> [MockStep])
    /// Called once: true when the answer got here, false when the connection ended before it.
    case settle(@Sendable (_ isReached: Bool) -> Void)
    case wait(milliseconds: Int)
    case end([Header])
    /// Bytes past every encoder (over HTTP/2: as DATA).
    case raw(ByteBuffer)
    /// A TCP RST; over HTTP/2 RST_STREAM.
    case reset
    /// The connection closes after what was written; over HTTP/2 the whole connection.
    case close
    /// Nothing more, ever: the peer has to give up.
    case hang
    /// Stops reading, so that the sender meets back-pressure.
    case stopReading
}
