/// Something a provider keeps for a caller: a file, a batch, a stored response.
package struct ProviderObject: Sendable, Equatable {
    package enum Kind: Int, Sendable, CaseIterable {
        case file = 0
        case batch = 1
        case response = 2
        /// A file that is still sent, part by part; nobody lists these.
        case upload = 3
        /// Where a model runs code.
        case container = 4
        /// An item of a response.
        case item = 5
        /// What a model said in sound, in Chat Completions.
        case audio = 6
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
    package var owner: ObjectOwner
    /// What reading it again comes to, of a response.
    package var tokens: Int
    /// What must be known of it to use it; empty for most. Part of its mark.
    package var note: String

    package init(_ key: Key, _ kind: Kind, owner: ObjectOwner, tokens: Int = 0, note: String = "") {
        self.key = key
        self.kind = kind
        self.owner = owner
        self.tokens = tokens
        self.note = note
    }
}

/// Whose a thing is: somebody of a tenant, or of none. Two owners never have the same text.
package struct ObjectOwner: Sendable, Hashable {
    package let tenant: String?
    package let name: String

    package init(tenant: String?, name: String) {
        self.tenant = tenant
        self.name = name
    }

    /// `acme` and `user alice` are `4:acme user alice`, no tenant and `user alice` are `- user alice`.
    package var text: String { (tenant.map { "\($0.utf8.count):\($0)" } ?? "-") + " " + name }

    /// Reads `text` again; nil for another.
    package init?(text: String) {
        if text.hasPrefix("- ") {
            self.init(tenant: nil, name: String(text.dropFirst(2)))
            return
        }
        guard let colon = text.firstIndex(of: ":"), let count = Int(text[..<colon]), count >= 0 else { return nil }
        let rest = text[text.index(after: colon)...].utf8
        guard let end = rest.index(rest.startIndex, offsetBy: count, limitedBy: rest.endIndex),
            let tenant = String(rest[..<end]), end < rest.endIndex, rest[end] == 0x20,
            let name = String(rest[rest.index(after: end)...])
        else { return nil }
        self.init(tenant: tenant, name: name)
    }
}
