package import NIOCore

/// An interim answer (1xx).
package struct InterimResponse: Sendable, Hashable {
    package var status: Int
    package var headers: [Header]
}

/// A piece of a response body and when it came.
package struct TimedChunk: Sendable {
    package var bytes: ByteBuffer
    /// Since the request began.
    package var microseconds: Int

    package var text: String { String(buffer: bytes) }
    /// For readers that know no NIO.
    package var content: [UInt8] { Array(bytes.readableBytesView) }
}

/// A response whose head has come; the body is read by iterating `body` once, or by `collect`.
package struct CallResponse: Sendable {
    package var status: Int
    package var reason: String
    /// `HTTP/1.1` or `HTTP/2.0`.
    package var proto: String
    package var headers: [Header]
    package var interim: [InterimResponse]
    /// From the start of the request to the final head.
    package var headMicroseconds: Int
    package var body: ResponseBody

    /// Reads the body to its end. Throws what cut it off, or `bodyTooLarge` past the bound.
    package func collect(bodyBytesMax: Int = 64 << 20) async throws -> CompletedResponse {
        var completed = CompletedResponse(
            status: status, reason: reason, proto: proto, headers: headers, interim: interim,
            headMicroseconds: headMicroseconds)
        for try await chunk in body {
            completed.chunks.append(TimedMark(bytes: chunk.bytes.readableBytes, microseconds: chunk.microseconds))
            completed.body.append(contentsOf: chunk.bytes.readableBytesView)
            if completed.body.count > bodyBytesMax { throw CallError.bodyTooLarge(bodyBytesMax) }
        }
        completed.trailers = body.trailers
        completed.totalMicroseconds = body.endedMicroseconds
        return completed
    }
}

/// When a chunk came and how long it was.
package struct TimedMark: Sendable, Hashable {
    package var bytes: Int
    package var microseconds: Int
}

/// A response that has come in whole.
package struct CompletedResponse: Sendable {
    package var status: Int
    package var reason: String
    package var proto: String
    package var headers: [Header]
    package var interim: [InterimResponse]
    package var headMicroseconds: Int
    package var body: [UInt8] = []
    package var trailers: [Header] = []
    package var chunks: [TimedMark] = []
    package var totalMicroseconds = 0

    package var text: String { String(decoding: body, as: UTF8.self) }
}

/// Why an exchange did not end well, as far as the client can tell.
package enum CallError: Error, Sendable, Equatable, CustomStringConvertible {
    case connectFailed(String)
    case tlsFailed(String)
    /// The peer closed before the end of the response.
    case closedEarly
    /// The peer sent a RST.
    case reset
    /// The stream was reset by the peer, with its HTTP/2 error code.
    case streamReset(Int)
    /// GOAWAY said that this stream was not processed, or no new stream may start.
    case goneAway
    case timedOut(milliseconds: Int)
    /// What the peer sent is not the protocol.
    case protocolError(String)
    /// The handshake of an upgrade was answered with this status.
    case upgradeRefused(status: Int)
    case bodyTooLarge(Int)
    /// The request itself asked for the cut.
    case aborted
    case alreadyClosed

    package var description: String {
        switch self {
        case .connectFailed(let text): "connect failed: \(text)"
        case .tlsFailed(let text): "TLS handshake failed: \(text)"
        case .closedEarly: "the peer closed before the end of the response"
        case .reset: "the peer reset the connection"
        case .streamReset(let code): "the peer reset the stream with code \(code)"
        case .goneAway: "the peer went away (GOAWAY)"
        case .timedOut(let milliseconds): "no end after \(milliseconds) ms"
        case .protocolError(let text): "protocol error: \(text)"
        case .upgradeRefused(let status): "upgrade refused with status \(status)"
        case .bodyTooLarge(let bound): "body larger than \(bound) bytes"
        case .aborted: "aborted by the request itself"
        case .alreadyClosed: "the connection is closed"
        }
    }
}
