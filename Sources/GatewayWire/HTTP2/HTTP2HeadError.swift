/// Why decoded HTTP/2 fields do not make a head (RFC 9113 sections 8.1.1, 8.2 and 8.3).
package enum HTTP2HeadError: Error, Sendable, CaseIterable {
    case badName, badValue, connectionSpecificField
    case unknownPseudoField, duplicatePseudoField, misplacedPseudoField, missingPseudoField, badPseudoField
    case badContentLength, badTE, badTarget, badAuthority, authorityMismatch, badStatus, badConnect
    case unsupportedExpectation, forbiddenTrailer
    case headTooLarge, tooManyFields

    /// Malformed messages are stream errors of type PROTOCOL_ERROR; the others are answered with `httpStatus`.
    package var isMalformed: Bool {
        switch self {
        case .unsupportedExpectation, .headTooLarge, .tooManyFields, .badTarget: false
        default: true
        }
    }

    package var httpStatus: Int {
        switch self {
        case .unsupportedExpectation: 417
        case .headTooLarge, .tooManyFields: 431
        default: 400
        }
    }

    /// One stable phrase for logs, problem details and metrics.
    package var reason: StaticString {
        switch self {
        case .badName: "a field name is not a lower-case token"
        case .badValue: "a field value holds a control byte or outer white space"
        case .connectionSpecificField: "a connection-specific field is not allowed in HTTP/2"
        case .unknownPseudoField: "a pseudo-header field is unknown or not allowed here"
        case .duplicatePseudoField: "a pseudo-header field is repeated"
        case .misplacedPseudoField: "a pseudo-header field comes after a regular field"
        case .missingPseudoField: "a pseudo-header field is missing"
        case .badPseudoField: "a pseudo-header field is malformed"
        case .badContentLength: "the content-length is repeated, malformed, or disagrees with the stream"
        case .badTE: "te is not trailers"
        case .badTarget: "the path is malformed or not canonicalisable"
        case .badAuthority: "the authority is malformed"
        case .authorityMismatch: "host and authority disagree"
        case .badStatus: "the status is not three digits from 100 to 599, or is 101"
        case .badConnect: "a CONNECT request has the wrong pseudo-header fields"
        case .unsupportedExpectation: "an expectation other than 100-continue is asked for"
        case .forbiddenTrailer: "a field that frames or routes the message stands in the trailers"
        case .headTooLarge: "the fields are too large"
        case .tooManyFields: "there are too many fields"
        }
    }
}
