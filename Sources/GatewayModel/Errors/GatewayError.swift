/// The one error of the gateway: what went wrong, and what to do about it. It is rendered in the
/// caller's dialect at the edge and nowhere else.
///
/// Wording: lower case, no final full stop, ends with the offending name or value.
package struct GatewayError: Error, Sendable, Equatable, CustomStringConvertible {
    package var code: ErrorCode
    /// What happened, for the caller; never a secret, never an upstream's own text.
    package var message: String
    /// The next step for whoever reads it.
    package var hint: String?
    /// What led to it, for logs only.
    package var cause: String?

    package init(_ code: ErrorCode, _ message: String, hint: String? = nil, cause: String? = nil) {
        self.code = code
        self.message = message
        self.hint = hint
        self.cause = cause
    }

    package var description: String {
        var text = "\(code.rawValue) \(message)"
        if let hint { text += " (\(hint))" }
        if let cause { text += ": \(cause)" }
        return text
    }
}
