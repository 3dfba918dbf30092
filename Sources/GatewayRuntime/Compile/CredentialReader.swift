import GatewayControl
import GatewayModel

/// Finds the keys of vendors. Errors say where one was looked for, never what was found.
final class CredentialReader {
    private static let bytesMax = 16 * 1024

    private let index: ObjectIndex
    private let grants: ReferenceGrantIndex
    private let options: SnapshotCompiler.Options
    /// Files that were read or should have been: a change of one needs another compilation.
    private(set) var sideFiles: [String] = []

    init(index: ObjectIndex, grants: ReferenceGrantIndex, options: SnapshotCompiler.Options) {
        self.index = index
        self.grants = grants
        self.options = options
    }

    func read(_ credential: ModelCredential, of provider: ObjectKey) throws(GatewayError) -> Secret {
        try read(env: credential.env, file: credential.file, secretRef: credential.secretRef, of: provider)
    }

    /// A secret of any other object, of the same kinds of places.
    func read(_ place: SecretPlace, of owner: ObjectKey) throws(GatewayError) -> Secret {
        try read(env: place.env, file: place.file, secretRef: place.secretRef, of: owner)
    }

    /// The one of these that is said. A text may have several lines: a key in PEM, or JSON.
    func read(
        env: String?, file path: String?, secretRef: SecretKeyReference?, of owner: ObjectKey, isText: Bool = false
    ) throws(GatewayError) -> Secret {
        if let name = env {
            guard let value = options.environment(name) else {
                throw missing("the environment variable is not set: \(name)", "set it before the gateway starts")
            }
            return try usable(Array(value.utf8), "the environment variable \(name)", isText)
        }
        if let path { return try file(path, owner, isText) }
        guard let secretRef else { throw missing("the credential is nowhere", nil) }
        return try secret(secretRef, owner, isText)
    }

    private func file(_ path: String, _ provider: ObjectKey, _ isText: Bool) throws(GatewayError) -> Secret {
        let origin = index.position(provider, ConfigPath.spec).file
        sideFiles.append(try options.files.path(path, origin: origin))
        let bytes: [UInt8]
        do throws(GatewayError) {
            bytes = try options.files.read(path, origin: origin, bytesMax: CredentialReader.bytesMax).bytes
        } catch {
            throw missing(error.message, error.hint)
        }
        return try usable(bytes, "the file \(path)", isText)
    }

    private func secret(
        _ reference: SecretKeyReference, _ provider: ObjectKey, _ isText: Bool
    ) throws(GatewayError) -> Secret {
        let namespace = reference.namespace ?? provider.namespace
        let name = "\(namespace)/\(reference.name)"
        let target = ObjectKey(.secret, namespace: namespace, name: reference.name)
        guard grants.permits(from: provider, to: target) else {
            throw GatewayError(.forbiddenReference, "no ReferenceGrant permits the reference: Secret \(name)")
        }
        guard let secret = index.secrets[name] else {
            throw missing("the Secret does not exist: \(name)", "add it")
        }
        let key = reference.key ?? (secret.data.count == 1 ? secret.data.keys.first : nil)
        guard let key else {
            throw missing("the Secret has \(secret.data.count) values: \(name)", "say which one by key")
        }
        guard let value = secret.data[key] else {
            throw missing("the Secret has no value \(key): \(name)", "add it, or correct key")
        }
        return try usable(value.reveal { $0 }, "value \(key) of Secret \(name)", isText)
    }

    /// A key without the blanks around it; what a field cannot carry is none.
    private func usable(_ bytes: [UInt8], _ place: String, _ isText: Bool) throws(GatewayError) -> Secret {
        let blanks: Set<UInt8> = [0x20, 0x09, 0x0A, 0x0D]
        guard let last = bytes.lastIndex(where: { !blanks.contains($0) }) else {
            throw missing("there is no key in \(place)", nil)
        }
        let key = Array(bytes[...last].drop { blanks.contains($0) })
        if isText { return Secret(key) }
        guard key.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw missing("what is in \(place) is no key", "one line of visible ASCII without spaces")
        }
        return Secret(key)
    }

    private func missing(_ message: String, _ hint: String?) -> GatewayError {
        GatewayError(.missingCredential, message, hint: hint)
    }
}
