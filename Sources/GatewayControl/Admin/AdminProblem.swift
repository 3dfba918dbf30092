package import GatewayModel

/// Why a call of the admin API failed: one error, and what the configuration has to do with it.
struct AdminProblem: Error {
    var status: Int
    var error: GatewayError
    var diagnostics: [Diagnostic] = []
    var fields: [(name: String, value: String)] = []

    init(_ error: GatewayError, status: Int? = nil, fields: [(name: String, value: String)] = []) {
        self.error = error
        self.status = status ?? (error.code.httpStatus == 0 ? 400 : error.code.httpStatus)
        self.fields = fields
    }

    /// A change refused for what it says: 400 when it cannot be read, 422 when it can.
    init(refused diagnostics: [Diagnostic]) {
        let errors = diagnostics.filter { $0.severity == .error }
        let code = errors.first?.code ?? .invalidValue
        let count = errors.count == 1 ? "an error" : "\(errors.count) errors"
        error = GatewayError(code, "the configuration is refused: it has \(count)", hint: "see diagnostics")
        status = code == .syntax ? 400 : code == .tooLarge ? 413 : 422
        self.diagnostics = diagnostics
    }

    /// `application/problem+json` (RFC 9457), with our code, hint and findings beside it.
    var response: AdminResponse {
        var pairs: [(String, ConfigNode)] = [
            ("type", .text("https://sluice.dev/errors/\(error.code.rawValue)")), ("status", .integer(status)),
            ("code", .text(error.code.rawValue)), ("detail", .text(error.message)),
        ]
        if let hint = error.hint { pairs.append(("hint", .text(hint))) }
        if !diagnostics.isEmpty { pairs.append(("diagnostics", .list(diagnostics.map(\.node)))) }
        return .json(.object(pairs), status: status, type: "application/problem+json", fields: fields)
    }
}

extension Diagnostic {
    /// The finding for programs.
    package var node: ConfigNode {
        var pairs: [(String, ConfigNode)] = [
            ("file", .text(file)), ("line", .integer(line)), ("column", .integer(column)),
            ("severity", .text(severity.rawValue)), ("code", .text(code.rawValue)), ("message", .text(message)),
        ]
        if let hint { pairs.append(("hint", .text(hint))) }
        if !path.isEmpty { pairs.append(("path", .text(path))) }
        if let object { pairs.append(("object", .text(object.description))) }
        if let reason { pairs.append(("reason", .text(reason))) }
        return .object(pairs)
    }
}
