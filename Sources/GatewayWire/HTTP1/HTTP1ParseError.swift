/// Why bytes are not an HTTP/1.1 message the gateway is willing to read. After any of these the connection
/// cannot be resynchronised and must be closed.
package enum HTTP1ParseError: Error, Sendable, CaseIterable {
    case badMethod, badTarget, badVersion, unsupportedVersion, badStatusLine
    case tlsOnPlaintext, http2Preface
    case badHeaderName, badHeaderValue, obsoleteFold, bareCarriageReturn, bareLineFeed, whitespaceBeforeColon
    case duplicateContentLength, badContentLength, lengthAndTransferEncoding
    case badTransferEncoding, unsupportedTransferCoding, contentNotAllowed
    case missingHost, duplicateHost, badHost
    case badConnection, badUpgrade, unsupportedExpectation
    case requestLineTooLong, headTooLarge, tooManyFields
    case badChunkSize, badChunkExtension, chunkLineTooLong, chunkMissingTerminator
    case trailersTooLarge, forbiddenTrailer

    /// The status for the client when the message was a request. A bad response is the gateway's 502.
    package var httpStatus: Int {
        switch self {
        case .requestLineTooLong: 414
        case .unsupportedExpectation: 417
        case .headTooLarge, .tooManyFields, .trailersTooLarge: 431
        case .unsupportedTransferCoding: 501
        case .unsupportedVersion, .http2Preface: 505
        default: 400
        }
    }

    /// One stable phrase for logs, problem details and metrics.
    package var reason: StaticString {
        switch self {
        case .badMethod: "the method is not a token"
        case .badTarget: "the request target is malformed or not canonicalisable"
        case .badVersion: "the request line does not end in an HTTP version"
        case .unsupportedVersion: "only HTTP/1.0 and HTTP/1.1 are spoken here"
        case .badStatusLine: "the status line is malformed"
        case .tlsOnPlaintext: "a TLS handshake arrived on a plaintext port"
        case .http2Preface: "an HTTP/2 preface arrived where only HTTP/1.1 is spoken"
        case .badHeaderName: "a field name is not a token"
        case .badHeaderValue: "a field value holds a control byte"
        case .obsoleteFold: "a field value is folded over lines"
        case .bareCarriageReturn: "a carriage return is not followed by a line feed"
        case .bareLineFeed: "a line feed is not preceded by a carriage return"
        case .whitespaceBeforeColon: "a field name is followed by white space"
        case .duplicateContentLength: "there is more than one content-length"
        case .badContentLength: "the content-length is not a plain decimal number"
        case .lengthAndTransferEncoding: "both content-length and transfer-encoding are given"
        case .badTransferEncoding: "the transfer-encoding does not end in one chunked, or is not allowed here"
        case .unsupportedTransferCoding: "a transfer coding other than chunked is used"
        case .contentNotAllowed: "this method does not allow content"
        case .missingHost: "the host field is missing or empty"
        case .duplicateHost: "there is more than one host field"
        case .badHost: "the host is malformed"
        case .badConnection: "the connection field is malformed or names an end-to-end field"
        case .badUpgrade: "the upgrade field is malformed"
        case .unsupportedExpectation: "an expectation other than 100-continue is asked for"
        case .requestLineTooLong: "the request line is too long"
        case .headTooLarge: "the head is too large"
        case .tooManyFields: "there are too many fields"
        case .badChunkSize: "a chunk size is not a plain hexadecimal number"
        case .badChunkExtension: "a chunk extension is malformed"
        case .chunkLineTooLong: "a chunk line, or all chunk extensions together, are too long"
        case .chunkMissingTerminator: "a chunk is not followed by its line end"
        case .trailersTooLarge: "the trailers are too large"
        case .forbiddenTrailer: "a field that frames or routes the message stands in the trailers"
        }
    }
}
