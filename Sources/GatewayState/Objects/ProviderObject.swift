/// Something a provider keeps for a caller: a file, a batch, a stored response.
package struct ProviderObject: Sendable, Equatable {
    package enum Kind: Int, Sendable, CaseIterable {
        case file = 0
        case batch = 1
        case response = 2
    }

    /// Where it lies and what it is called there: a provider by one of its credentials, and the provider's own id.
    package struct Key: Sendable, Hashable {
        package var place: String
        package var id: String

        package init(place: String, id: String) {
            self.place = place
            self.id = id
        }
    }

    package var key: Key
    package var kind: Kind
    /// Whose it is: tenant and user, agent or key.
    package var owner: String
    /// What reading it again comes to, of a response.
    package var tokens: Int

    package init(_ key: Key, _ kind: Kind, owner: String, tokens: Int = 0) {
        self.key = key
        self.kind = kind
        self.owner = owner
        self.tokens = tokens
    }
}
