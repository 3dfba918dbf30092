package import GatewayModel

/// What opens an upstream.
package enum UpstreamCredential: Sendable {
    /// A key or token, sent in a field.
    case token(Secret)
    /// Keys that sign each request.
    case signer(AWSSigner)
}

/// A credential as its source gave it out.
package struct FetchedCredential: Sendable {
    package var credential: UpstreamCredential
    /// Counted from when it was asked for; nil for what does not end.
    package var lifeMilliseconds: Int?
    /// When to ask again, where that is not to be told from its life.
    package var refreshMilliseconds: Int?

    package init(_ credential: UpstreamCredential, lifeMilliseconds: Int?, refreshMilliseconds: Int? = nil) {
        self.credential = credential
        self.lifeMilliseconds = lifeMilliseconds
        self.refreshMilliseconds = refreshMilliseconds
    }
}
