/// Collects what is wrong with one object while it is read. Not shared between tasks.
package final class DiagnosticSink {
    package private(set) var diagnostics: [Diagnostic] = []
    /// How messages name the object: `HTTPRoute app`, or `HTTPRoute shop/app` outside the default namespace.
    package var label: String
    package var object: ObjectKey?

    package init(label: String = "document", object: ObjectKey? = nil) {
        self.label = label
        self.object = object
    }

    /// Reports at `path`; the message gets ` in HTTPRoute app, spec.rules[0]` appended.
    package func report(
        _ code: ErrorCode, _ severity: Diagnostic.Severity = .error, at position: SourcePosition, path: ConfigPath,
        _ message: String, hint: String? = nil
    ) {
        let path = path.description
        let place = path.isEmpty ? label : "\(label), \(path)"
        diagnostics.append(
            Diagnostic(
                code, severity, at: position, path: path, "\(message) in \(place)", hint: hint, object: object))
    }
}
