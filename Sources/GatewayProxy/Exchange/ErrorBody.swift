import GatewayModel
import GatewayWire

/// An error in the caller's dialect: `application/problem+json` (RFC 9457), or a gRPC status for gRPC callers.
enum ErrorBody {
    /// Fills `response` with the head and hands the body out.
    static func render(
        _ error: GatewayError, requestID: (UInt64, UInt64), request: borrowing RequestHead,
        into response: inout ResponseHead
    ) -> [UInt8] {
        if isGRPC(request) { return renderGRPC(error, into: &response) }
        response.status = error.code.httpStatus == 0 ? 500 : error.code.httpStatus
        response.fields.append(.contentType, problemType)
        response.fields.append(.cacheControl, noStore)
        var body: [UInt8] = []
        body.reserveCapacity(256)
        func member(_ name: StaticString, _ value: String) {
            body.append(body.isEmpty ? 0x7B : 0x2C)
            body.append(0x22)
            body.append(contentsOf: "\(name)".utf8)
            body.append(0x22)
            body.append(0x3A)
            let text = Array(value.utf8)
            JSONWriter.append(string: text.span, to: &body)
        }
        member("type", "https://sluice.dev/errors/\(error.code.rawValue)")
        member("title", "\(StatusPhrase.of(response.status))")
        body.append(contentsOf: ",\"status\":\(response.status)".utf8)
        member("detail", error.message)
        member("code", error.code.rawValue)
        if let hint = error.hint { member("hint", hint) }
        var id: [UInt8] = []
        TraceContext.append(hex: requestID.0, digits: 16, to: &id)
        TraceContext.append(hex: requestID.1, digits: 16, to: &id)
        member("requestId", String(decoding: id, as: UTF8.self))
        body.append(0x7D)
        body.append(0x0A)
        return body
    }

    private static let problemType = Array("application/problem+json".utf8)
    private static let noStore = Array("no-store".utf8)
    private static let grpcType = Array("application/grpc".utf8)

    private static func isGRPC(_ request: borrowing RequestHead) -> Bool {
        guard let entry = request.fields.first(.contentType), entry.value.count >= 16 else { return false }
        let start = Int(entry.value.start)
        for (index, byte) in grpcType.enumerated() where request.fields.bytes[start + index] != byte { return false }
        return true
    }

    /// gRPC: HTTP 200 and a trailers-only answer (PROTOCOL-HTTP2).
    private static func renderGRPC(_ error: GatewayError, into response: inout ResponseHead) -> [UInt8] {
        response.status = 200
        response.fields.append(.contentType, grpcType)
        response.fields.append("grpc-status", String(grpcStatus(error.code)))
        response.fields.append("grpc-message", percentEncoded("\(error.code.rawValue) \(error.message)"))
        return []
    }

    private static func grpcStatus(_ code: ErrorCode) -> Int {
        switch code.httpStatus {
        case 400: 13
        case 401: 16
        case 403: 7
        case 404: 12
        case 408, 504: 4
        case 429: 8
        case 499: 1
        case 502, 503: 14
        default: 2
        }
    }

    private static func percentEncoded(_ text: String) -> String {
        var encoded = ""
        for byte in text.utf8 {
            if byte >= 0x20, byte <= 0x7E, byte != 0x25 {
                encoded.unicodeScalars.append(Unicode.Scalar(byte))
            } else {
                encoded += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
            }
        }
        return encoded
    }
}

extension HTTP1ParseError {
    /// The error a client sees for a request that is not valid HTTP.
    var gatewayError: GatewayError {
        let code: ErrorCode =
            switch httpStatus {
            case 413: .bodyTooLarge
            case 414: .targetTooLong
            case 417: .expectationFailed
            case 431: .headTooLarge
            case 501: .unsupportedTransferCoding
            case 505: .unsupportedVersion
            default: isAmbiguous ? .ambiguousFraming : .malformedRequest
            }
        return GatewayError(code, "the request is not acceptable: \(reason)")
    }

    /// Whether two readers could find different ends of the message.
    private var isAmbiguous: Bool {
        switch self {
        case .duplicateContentLength, .lengthAndTransferEncoding, .badTransferEncoding: true
        default: false
        }
    }
}
