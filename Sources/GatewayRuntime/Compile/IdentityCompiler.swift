import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayProxy

/// Turns IdentityProviders and the `authentication` of policies into what *identify* does. Whatever cannot be read
/// lets nobody in.
final class IdentityCompiler {
    let index: ObjectIndex
    private let grants: ReferenceGrantIndex
    let files: SideFileReader
    private let managedKeys: LiveKeySet
    let certificates: CertificateReader
    let credentials: CredentialReader
    let services: IdentityServices
    private var known: [String: [IdentityRule.Provider]] = [:]
    /// The issuers that are in use.
    private(set) var issuers: [LiveIssuer] = []
    private(set) var diagnostics: [Diagnostic] = []
    /// The files that were read or should have been: what to watch.
    private(set) var sideFiles: [String] = []

    init(
        index: ObjectIndex, grants: ReferenceGrantIndex, certificates: CertificateReader,
        options: SnapshotCompiler.Options
    ) {
        self.index = index
        self.grants = grants
        self.certificates = certificates
        files = options.files
        managedKeys = options.managedKeys
        services = options.identities
        credentials = CredentialReader(index: index, grants: grants, options: options)
        for (name, provider) in index.identityProviders.sorted(by: { $0.key < $1.key }) {
            known[name] = compile(provider)
        }
        sideFiles += credentials.sideFiles
    }

    /// Keeps an issuer that a provider believes.
    func use(_ issuer: LiveIssuer) { issuers.append(issuer) }
    func watch(_ path: String) { sideFiles.append(path) }

    /// One rule for each policy that asks who calls, the most specific first; all of them must be content, so that a
    /// route's policy never weakens its gateway's.
    func rules(_ policies: EffectivePolicies) -> [IdentityRule] {
        var rules: [IdentityRule] = []
        for policy in policies.ordered {
            let name = policy.metadata.qualifiedName
            guard let authentication = policy.spec.authentication, !rules.contains(where: { $0.name == name }) else {
                continue
            }
            let providers = authentication.providers.compactMap { known["\(policy.metadata.namespace)/\($0)"] }
            // Without one provider of those it names a policy cannot tell who may be believed.
            let isWhole = providers.count == authentication.providers.count
            rules.append(
                IdentityRule(
                    providers: providers.flatMap(\.self), isRequired: authentication.mode == .required || !isWhole,
                    name: name))
        }
        return rules
    }

    // MARK: Providers

    private func compile(_ provider: IdentityProvider) -> [IdentityRule.Provider]? {
        switch provider.spec.type {
        case .oidc, .jwt, .spiffe, .introspection: return tokens(provider)
        case .clientCertificate:
            let source: ClientCertificateIdentity.UserSource =
                switch provider.spec.clientCertificate?.userFrom ?? .commonName {
                case .commonName: .commonName
                case .uri: .uri
                case .dns: .dns
                }
            return [.clientCertificate(ClientCertificateIdentity(user: source))]
        case .apiKey:
            guard let keys = provider.spec.apiKeys, isHeaderRead(keys.header, provider) else { return nil }
            if keys.managed { return [.liveKeys(managedKeys)] }
            if let path = keys.file { return file(path, provider).map { [.apiKeys($0)] } }
            return keys.secretRef.flatMap { secret($0, provider) }.map { [.apiKeys($0)] }
        }
    }

    private func isHeaderRead(_ header: String, _ provider: IdentityProvider) -> Bool {
        if CredentialScanner.fieldNames.contains(Array(header.lowercased().utf8)) { return true }
        report(
            .unsupportedValue, provider, "spec.apiKeys.header", "keys are not read from the header \(header)",
            hint: "one of Authorization, X-API-Key and X-Goog-API-Key")
        return false
    }

    private func file(_ path: String, _ provider: IdentityProvider) -> APIKeySet? {
        let place = position(provider)
        do {
            sideFiles.append(try files.path(path, origin: place.file))
            let file = try files.read(path, origin: place.file, bytesMax: APIKeySet.fileBytesMax)
            if let warning = APIKeyFile.warning(mode: file.mode, name: file.path) {
                report(.unreadableFile, provider, "spec.apiKeys.file", warning, severity: .warning)
            }
            return parse(KeyLines.hashed(file.bytes), name: file.path, provider)
        } catch {
            report(error.code, provider, "spec.apiKeys.file", error.message, hint: error.hint)
            return nil
        }
    }

    private func secret(_ reference: SecretObjectReference, _ provider: IdentityProvider) -> APIKeySet? {
        let namespace = reference.namespace ?? provider.metadata.namespace
        let name = "\(namespace)/\(reference.name)"
        guard grants.permits(from: key(provider), to: ObjectKey(.secret, namespace: namespace, name: reference.name))
        else {
            report(
                .forbiddenReference, provider, "spec.apiKeys.secretRef",
                "no ReferenceGrant permits the reference: Secret \(name)", reason: "RefNotPermitted")
            return nil
        }
        guard let secret = index.secrets[name] else {
            report(
                .danglingReference, provider, "spec.apiKeys.secretRef", "the Secret does not exist: \(name)",
                hint: "add it, with a line of its value keys for each key: ID SHA256-OF-KEY user=NAME")
            return nil
        }
        if let keys = secret.data["keys"] { return keys.reveal { parse($0, name: "Secret \(name)", provider) } }
        var lines: [UInt8] = []
        for (user, key) in secret.data.sorted(by: { $0.key < $1.key }) {
            lines += key.reveal { KeyLines.line(user: user, key: KeyLines.trimmed($0)) }
        }
        return parse(lines, name: "Secret \(name)", provider)
    }

    private func parse(_ bytes: [UInt8], name: String, _ provider: IdentityProvider) -> APIKeySet? {
        do { return try APIKeyFile.parse(bytes, name: name) } catch {
            let (message, place) = IdentityCompiler.place(error.message, name)
            diagnostics.append(
                Diagnostic(
                    error.code, at: place ?? position(provider), path: "spec.apiKeys",
                    "\(message) in \(key(provider))", hint: error.hint, object: key(provider)))
            return nil
        }
    }

    /// Takes the `, at NAME:LINE:COLUMN` off the end of a message.
    static func place(_ message: String, _ name: String) -> (String, SourcePosition?) {
        let words = message.split(separator: ":", omittingEmptySubsequences: false)
        guard words.count >= 3, let line = Int(words[words.count - 2]), let column = Int(words[words.count - 1]) else {
            return (message, nil)
        }
        var text = words.dropLast(2).joined(separator: ":")
        guard text.hasSuffix(name) else { return (message, nil) }
        text.removeLast(name.count)
        for ending in [", at ", " at "] where text.hasSuffix(ending) {
            text.removeLast(ending.count)
            break
        }
        return (text, SourcePosition(file: name, line: line, column: column))
    }

    // MARK: Findings

    func key(_ provider: IdentityProvider) -> ObjectKey {
        ObjectKey(.identityProvider, namespace: provider.metadata.namespace, name: provider.metadata.name)
    }

    func position(_ provider: IdentityProvider) -> SourcePosition {
        index.position(key(provider), ConfigPath.spec["apiKeys"])
    }

    func report(
        _ code: ErrorCode, _ provider: IdentityProvider, _ path: String, _ message: String, hint: String? = nil,
        severity: Diagnostic.Severity = .error, reason: String? = nil
    ) {
        diagnostics.append(
            Diagnostic(
                code, severity, at: position(provider), path: path, "\(message) in \(key(provider)), \(path)",
                hint: hint, object: key(provider), reason: reason))
    }
}

/// The short forms of keys, as lines of a key file.
enum KeyLines {
    /// Lines `user:key` become lines with the key's hash; other lines stay.
    static func hashed(_ bytes: [UInt8]) -> [UInt8] {
        var lines: [UInt8] = []
        for line in bytes.split(separator: 0x0A, omittingEmptySubsequences: false) {
            let text = trimmed(Array(line))
            if text.first != 0x23, let colon = text.firstIndex(of: 0x3A), !text[..<colon].contains(where: isSpace) {
                lines += self.line(
                    user: String(decoding: text[..<colon], as: UTF8.self), key: trimmed(Array(text[(colon + 1)...])))
            } else {
                lines += line + [0x0A]
            }
        }
        return lines
    }

    /// An empty key has no hash, and is then found to have none.
    static func line(user: String, key: [UInt8]) -> [UInt8] {
        let digest = key.isEmpty ? "" : APIKeySet.digestText(of: String(decoding: key, as: UTF8.self))
        return Array("\(user) \(digest) user=\(user)\n".utf8)
    }

    static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
        guard let last = bytes.lastIndex(where: { !isSpace($0) }) else { return [] }
        return Array(bytes[...last].drop(while: isSpace))
    }

    private static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0D }
}
