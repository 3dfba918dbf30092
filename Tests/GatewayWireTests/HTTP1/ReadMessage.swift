@testable import GatewayWire

/// What reading bytes as one head came to, in a form that two ways of reading can be compared by.
enum Reading: Equatable, CustomStringConvertible {
    case head(String, consumed: Int)
    case needMore
    case refused(HTTP1ParseError)

    var description: String {
        switch self {
        case .head(let text, let consumed): "\(text) (\(consumed) bytes)"
        case .needMore: "needs more"
        case .refused(let error): "refused: \(error)"
        }
    }

    var error: HTTP1ParseError? {
        if case .refused(let error) = self { return error }
        return nil
    }
}

/// Text with `\x` escapes already made by Swift; one scalar is one byte, so that `\u{FF}` is the byte 0xFF.
func bytes(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

extension RequestHead {
    var summary: String {
        var parts = ["\(fields.text(methodName))(\(method))", "target=\(fields.text(target))"]
        parts.append("path=\(fields.text(path)) query=\(fields.text(query)) authority=\(fields.text(authority))")
        parts.append("\(version) \(framing) connection=\(connection.rawValue) upgrade=\(fields.text(upgrade))")
        parts.append("expect=\(expectsContinue) trailers=\(acceptsTrailers)")
        return parts.joined(separator: " ") + fields.summary
    }
}

extension ResponseHead {
    var summary: String {
        "\(status) \(version) \(framing) connection=\(connection.rawValue) upgrade=\(fields.text(upgrade))"
            + fields.summary
    }
}

extension FieldBlock {
    var summary: String { entries.map { "\n\(text($0.name)): \(text($0.value)) [\($0.known)]" }.joined() }

    /// Names and values as text, in order.
    var lines: [String] { entries.map { "\(text($0.name)): \(text($0.value))" } }
}

enum Read {
    /// Reads one request head from all bytes at once.
    static func request(_ input: [UInt8], limits: HTTP1Limits = .standard) -> Reading {
        request(input, cutAt: [], limits: limits)
    }

    /// Reads one request head while the bytes arrive up to each cut in turn, and then all.
    static func request(_ input: [UInt8], cutAt cuts: [Int], limits: HTTP1Limits = .standard) -> Reading {
        var parser = HTTP1RequestParser(limits: limits)
        var head = RequestHead()
        do throws(HTTP1ParseError) {
            for cut in cuts + [input.count] {
                if let consumed = try parser.parse(input.span.extracting(0..<cut), into: &head) {
                    return .head(head.summary, consumed: consumed)
                }
            }
            return .needMore
        } catch { return .refused(error) }
    }

    /// The head of a request that must be fine.
    static func head(_ text: String) throws -> RequestHead {
        var parser = HTTP1RequestParser(limits: .standard)
        var head = RequestHead()
        guard try parser.parse(bytes(text).span, into: &head) != nil else { throw Incomplete() }
        return head
    }

    static func response(_ input: [UInt8], to method: HTTPMethod = .get, cutAt cuts: [Int] = []) -> Reading {
        var parser = HTTP1ResponseParser(limits: .standard)
        var head = ResponseHead()
        do throws(HTTP1ParseError) {
            for cut in cuts + [input.count] {
                let piece = input.span.extracting(0..<cut)
                if let consumed = try parser.parse(piece, requestMethod: method, into: &head) {
                    return .head(head.summary, consumed: consumed)
                }
            }
            return .needMore
        } catch { return .refused(error) }
    }

    static func responseHead(_ text: String, to method: HTTPMethod = .get) throws -> ResponseHead {
        var parser = HTTP1ResponseParser(limits: .standard)
        var head = ResponseHead()
        guard try parser.parse(bytes(text).span, requestMethod: method, into: &head) != nil else { throw Incomplete() }
        return head
    }

    struct Incomplete: Error {}
}
