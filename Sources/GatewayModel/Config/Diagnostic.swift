/// One finding about a configuration: what is wrong, where it was written, and what to do about it.
package struct Diagnostic: Error, Hashable, CustomStringConvertible {
    package enum Severity: String, Sendable, Comparable {
        /// The set is refused.
        case error
        /// The set is taken, and something in it cannot work: what Kubernetes says in a status
        /// condition. Only in tolerant mode; the strict mode of files calls the same an error.
        case condition
        /// The set is taken; this is probably not what was meant.
        case warning

        package static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }

        private var rank: Int {
            switch self {
            case .error: 0
            case .condition: 1
            case .warning: 2
            }
        }
    }

    package var code: ErrorCode
    package var severity: Severity
    package var position: SourcePosition
    /// The JSON path inside the object, such as `spec.rules[0]`; empty for the document itself.
    package var path: String
    package var message: String
    package var hint: String?
    /// The object it is about, where that is known.
    package var object: ObjectKey?
    /// The Gateway API's condition reason (`RefNotPermitted`, `BackendNotFound`, …), where one exists.
    package var reason: String?

    package init(
        _ code: ErrorCode, _ severity: Severity = .error, at position: SourcePosition, path: String = "",
        _ message: String, hint: String? = nil, object: ObjectKey? = nil, reason: String? = nil
    ) {
        self.code = code
        self.severity = severity
        self.position = position
        self.path = path
        self.message = message
        self.hint = hint
        self.object = object
        self.reason = reason
    }

    package var file: String { position.file }
    package var line: Int { position.line }
    package var column: Int { position.column }

    /// `file:line:column: error SL-1002: unknown field "x" in …; did you mean "y"?`
    package var description: String {
        var text = "\(position): \(severity.rawValue) \(code.rawValue): \(message)"
        if let hint { text += "; \(hint)" }
        return text
    }

    /// The order findings are shown in: by place, then gravity.
    package static func inOrder(_ left: Diagnostic, _ right: Diagnostic) -> Bool {
        if left.position != right.position { return left.position < right.position }
        if left.severity != right.severity { return left.severity < right.severity }
        if left.code != right.code { return left.code.rawValue < right.code.rawValue }
        return left.message < right.message
    }
}

extension Sequence<Diagnostic> {
    /// Whether anything refuses the set.
    package var hasErrors: Bool { contains { $0.severity == .error } }
}
