package import GatewayModel

/// How strictly what cannot work is judged.
package enum AnalysisMode: Sendable {
    /// Files and the admin API: what cannot work refuses the whole set.
    case strict
    /// Kubernetes: the API server has taken the object already, so what cannot work becomes a condition, and a route
    /// with a reference that does not resolve answers 500.
    case tolerant

    /// The severity of something that cannot work.
    package var gravity: Diagnostic.Severity { self == .strict ? .error : .condition }
}
