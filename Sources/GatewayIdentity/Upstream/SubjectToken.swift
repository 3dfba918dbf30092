package import GatewayModel

/// A token that the gateway shows to get another. Got anew whenever it is needed: files of projected tokens change.
package struct SubjectTokenSource: Sendable {
    private let read: @Sendable () throws -> Secret

    package init(_ read: @escaping @Sendable () throws -> Secret) { self.read = read }

    /// One line of visible ASCII.
    func text() throws -> String {
        let text = try read().reveal { String(decoding: $0, as: UTF8.self) }
        let token = text.split(whereSeparator: \.isWhitespace)
        guard token.count == 1, let token = token.first.map(String.init), TokenEndpoint.isToken(token) else {
            throw GatewayError(.credentialUnavailable, "the subject's token is no token")
        }
        return token
    }
}
