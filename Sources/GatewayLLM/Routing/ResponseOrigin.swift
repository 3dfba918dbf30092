import Crypto
package import GatewayModel

/// Marks the ids of what providers keep (responses, files, batches) with where they came from and whose they are, so
/// that any replica finds the way back without a table, and nobody follows an id that was given to somebody else.
///
/// `resp_68af…` becomes `resp_68af….abcdefghijklmnop`: sixteen letters, a keyed hash of the id, the provider,
/// its credential and the owner.
package struct ResponseOrigin: Sendable {
    private static let markCount = 16
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    private let key: Secret

    package init(key: Secret) { self.key = key }

    /// The mark of what a provider stored for a caller under that id.
    package func mark(_ id: [UInt8], provider: String, credential: String, principal: Principal) -> [UInt8] {
        var text: [UInt8] = id + [0]
        for part in [provider, credential, principal.tenant ?? "", ResponseOrigin.owner(principal)] {
            text.append(contentsOf: part.utf8)
            text.append(0)
        }
        let digest = key.reveal { HMAC<SHA256>.authenticationCode(for: text, using: SymmetricKey(data: $0)) }
        return digest.prefix(ResponseOrigin.markCount).map { ResponseOrigin.alphabet[Int($0 & 31)] }
    }

    /// Whose a thing is, within a tenant: a user's over all keys, an agent's, else the key's own.
    private static func owner(_ principal: Principal) -> String {
        principal.user.map { "user \($0)" } ?? principal.agent.map { "agent \($0)" } ?? principal.credentialID ?? ""
    }

    /// The same with the tenant.
    static func scope(_ principal: Principal) -> String { "\(principal.tenant ?? "")\n\(owner(principal))" }

    /// An id as a client is shown it.
    package static func marked(_ id: [UInt8], _ mark: [UInt8]) -> [UInt8] { id + [0x2E] + mark }

    /// The provider's id and the mark of one that a client sends; nil for one that was never marked.
    package static func split(_ id: [UInt8]) -> (id: [UInt8], mark: [UInt8])? {
        guard id.count > markCount + 1, id[id.count - markCount - 1] == 0x2E else { return nil }
        let mark = Array(id.suffix(markCount))
        guard mark.allSatisfy({ alphabet.contains($0) }) else { return nil }
        return (Array(id.dropLast(markCount + 1)), mark)
    }

    /// Compares in time that depends on the length only.
    package static func isEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool { Secret(one).matches(other) }
}
