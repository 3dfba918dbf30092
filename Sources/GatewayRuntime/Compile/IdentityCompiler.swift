import GatewayIdentity
import GatewayModel
import GatewayPolicy
import GatewayProxy

/// Turns IdentityProviders into what the *identify* phase asks. Errors name objects and users, never a key.
struct IdentityCompiler {
    let index: ObjectIndex
    let grants: ReferenceGrantIndex
    /// The bytes of a file, by its path as the configuration gives it.
    let readFile: @Sendable (String) -> [UInt8]?

    func provider(_ name: String, namespace: String) throws(GatewayError) -> IdentityRule.Provider {
        let qualified = "\(namespace)/\(name)"
        guard let provider = index.identityProviders[qualified] else {
            throw GatewayError(.danglingReference, "the IdentityProvider does not exist: \(qualified)")
        }
        switch provider.spec.type {
        case .apiKey:
            guard let source = provider.spec.apiKeys else {
                throw GatewayError(.missingField, "the IdentityProvider has no apiKeys: \(qualified)")
            }
            return .apiKeys(try keys(source, provider: provider.metadata))
        case .clientCertificate:
            let user: ClientCertificateIdentity.UserSource
            switch provider.spec.clientCertificate?.userFrom ?? .commonName {
            case .commonName: user = .commonName
            case .uri: user = .uri
            case .dns: user = .dns
            }
            return .clientCertificate(ClientCertificateIdentity(user: user))
        }
    }

    private func keys(_ source: APIKeySource, provider: ObjectMeta) throws(GatewayError) -> APIKeySet {
        let name = provider.qualifiedName
        // Where keys are looked for is fixed (authorization, x-api-key, x-goog-api-key).
        guard ["x-api-key", "authorization", "x-goog-api-key"].contains(source.header.lowercased()) else {
            throw GatewayError(
                .unsupportedValue, "an API key cannot be in this header: \(source.header) of IdentityProvider \(name)",
                hint: "use X-API-Key")
        }
        if let file = source.file {
            guard let bytes = readFile(file) else {
                throw GatewayError(.unreadableFile, "the key file cannot be read: \(file)")
            }
            return try APIKeyFile.parse(IdentityCompiler.hashed(bytes), name: file)
        }
        guard let reference = source.secretRef else {
            throw GatewayError(.missingField, "the IdentityProvider names no keys: \(name)")
        }
        let secret = try secret(reference, from: provider)
        var lines: [UInt8] = []
        for (user, key) in secret.data.sorted(by: { $0.key < $1.key }) {
            let text = key.reveal { IdentityCompiler.trimmed($0) }
            guard !text.isEmpty else { throw GatewayError(.invalidValue, "the key is empty for \(user) of \(name)") }
            lines += IdentityCompiler.line(user: user, key: text)
        }
        return try APIKeyFile.parse(lines, name: "Secret \(secret.metadata.qualifiedName)")
    }

    private func secret(
        _ reference: SecretObjectReference, from provider: ObjectMeta
    ) throws(GatewayError)
        -> SecretObject
    {
        let namespace = reference.namespace ?? provider.namespace
        let source = ObjectKey(.identityProvider, namespace: provider.namespace, name: provider.name)
        guard reference.group.isEmpty, reference.kind == "Secret" else {
            throw GatewayError(.danglingReference, "keys come from a Secret, not from a \(reference.kind)")
        }
        guard grants.permits(from: source, to: ObjectKey(.secret, namespace: namespace, name: reference.name)) else {
            throw GatewayError(
                .forbiddenReference, "no ReferenceGrant permits the reference: Secret \(namespace)/\(reference.name)")
        }
        guard let secret = index.secrets["\(namespace)/\(reference.name)"] else {
            throw GatewayError(.danglingReference, "the Secret does not exist: \(namespace)/\(reference.name)")
        }
        return secret
    }

    /// Lines `user:key` become lines with the key's hash; a line without a colon is one with a hash already.
    private static func hashed(_ bytes: [UInt8]) -> [UInt8] {
        var lines: [UInt8] = []
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            let text = trimmed(Array(line))
            guard text.first != 0x23, let colon = text.firstIndex(of: 0x3A), !text[..<colon].contains(0x20) else {
                lines += text + [0x0A]
                continue
            }
            lines += self.line(
                user: String(decoding: text[..<colon], as: UTF8.self), key: trimmed(Array(text[(colon + 1)...])))
        }
        return lines
    }

    private static func line(user: String, key: [UInt8]) -> [UInt8] {
        let digest = APIKeySet.digestText(of: String(decoding: key, as: UTF8.self))
        return Array("\(user) \(digest) user=\(user)\n".utf8)
    }

    private static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D }
        guard let last = bytes.lastIndex(where: { !isSpace($0) }) else { return [] }
        return Array(bytes[...last].drop(while: isSpace))
    }
}
