package import GatewayModel
import Glibc

/// Where a log lies: `audit` in the state folder.
package struct AuditFolder: Sendable, Equatable {
    package let path: String

    package init(stateFolder: String) { path = "\(stateFolder)/audit" }
    package init(path: String) { self.path = path }

    var segments: String { "\(path)/log" }
    /// The newest signed checkpoint, as C2SP's tlog-tiles names it.
    var checkpoint: String { "\(path)/checkpoint" }
    /// Earlier checkpoints, so that a rewritten log contradicts its own past.
    var history: String { "\(path)/checkpoints" }
    var cursors: String { "\(path)/cursors" }
    private var signerPath: String { "\(path)/signer" }
    private var verifierPath: String { "\(path)/verifier" }
    private var redactionPath: String { "\(path)/redaction.key" }

    /// Logs that were set aside when this one was begun, as paths.
    package var brokenLogs: [String] {
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        let parent = parts.dropLast().joined(separator: "/")
        return AuditFiles.names(in: parent.isEmpty ? "." : parent).filter {
            $0.hasPrefix("\(parts[parts.count - 1]).broken-")
        }
        .sorted().map { "\(parent)/\($0)" }
    }

    /// Whether there is a log.
    package var exists: Bool { !AuditSegment.sequences(in: segments).isEmpty }

    func tile(_ tile: AuditTree.Tile) -> String {
        "\(path)/\(TilePath.of(level: tile.level, index: tile.index, width: tile.hashes.count))"
    }

    // MARK: One at a time

    /// Keeps other processes from writing the log as long as the descriptor is open. Throws `conflict`.
    func lock() throws(GatewayError) -> Int32 {
        do throws(AuditFiles.Failure) { try AuditFiles.makeFolder(segments) } catch { throw error.error }
        let name = "\(path)/lock"
        let descriptor = unsafe open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw AuditFiles.Failure("cannot open \(name)").error }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw GatewayError(
                .conflict, "another process writes the audit log in \(path)",
                hint: "ask the gateway that serves from it, or stop it")
        }
        return descriptor
    }

    /// Says so rather than only closing it: a process that is being started holds a copy of the descriptor until it
    /// runs its own program.
    static func unlock(_ descriptor: Int32) {
        guard descriptor >= 0 else { return }
        flock(descriptor, LOCK_UN)
        close(descriptor)
    }

    // MARK: Keys

    /// The key that signs checkpoints, made the first time.
    func signer() throws(GatewayError) -> NoteSigner {
        do throws(AuditFiles.Failure) {
            try AuditFiles.makeFolder(segments)
            if let bytes = AuditFiles.read(signerPath, bytesMax: 4_096) { return try signer(bytes) }
            let name = "sluice.dev/log/" + AuditFiles.random(8).map(AuditFolder.hex).joined()
            let signer = NoteSigner(name: name)
            let seed = signer.seed.reveal { Base64Text.encode($0) }
            try AuditFiles.replace(signerPath, Array("\(name)\n\(seed)\n".utf8))
            try AuditFiles.replace(verifierPath, Array("\(signer.verifier.text)\n".utf8))
            AuditFiles.syncFolder(path)
            return signer
        } catch {
            throw error.error
        }
    }

    private func signer(_ bytes: [UInt8]) throws(AuditFiles.Failure) -> NoteSigner {
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        guard lines.count == 2, let seed = Base64Text.decode(String(lines[1])),
            let signer = NoteSigner(name: String(lines[0]), seed: Secret(seed))
        else {
            errno = EINVAL
            throw AuditFiles.Failure("cannot read the key of the audit log in \(signerPath)")
        }
        return signer
    }

    /// Whose signatures a log of this folder has; nil when nothing says.
    package var verifier: NoteVerifier? {
        AuditFiles.read(verifierPath, bytesMax: 4_096).flatMap { bytes in
            NoteVerifier(String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self))
        }
    }

    /// The key of hashes in redacted fields.
    package func redactionKey() throws(GatewayError) -> Secret {
        if let bytes = AuditFiles.read(redactionPath, bytesMax: 64), bytes.count == 32 { return Secret(bytes) }
        let bytes = AuditFiles.random(32)
        do throws(AuditFiles.Failure) {
            try AuditFiles.makeFolder(path)
            try AuditFiles.replace(redactionPath, bytes)
        } catch {
            throw error.error
        }
        return Secret(bytes)
    }

    // MARK: Policies

    private func policyPath(_ digest: String) -> String { "\(path)/policies/\(digest).json" }

    /// Keeps a configuration by its digest, so that its decisions can be made again.
    package func keepPolicy(_ digest: String, _ bytes: [UInt8]) {
        guard AuditFiles.size(policyPath(digest)) != bytes.count else { return }
        // On the disk before the records that name it: it is made once.
        try? AuditFiles.makeFolder("\(path)/policies")
        try? AuditFiles.replace(policyPath(digest), bytes)
        AuditFiles.syncFolder("\(path)/policies")
    }

    /// The configuration of a digest; nil when it is not there.
    package func policy(_ digest: String) -> [UInt8]? {
        guard digest.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) }) else { return nil }
        return AuditFiles.read(policyPath(digest), bytesMax: 64 << 20)
    }

    // MARK: Checkpoints

    private static let separator = "----\n"

    /// The newest checkpoint, as it was signed.
    package var checkpointNote: String? { note() }

    func note() -> String? {
        AuditFiles.read(checkpoint, bytesMax: 64 * 1024).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Notes of earlier checkpoints, the oldest first.
    func notes() -> [String] {
        guard let bytes = AuditFiles.read(history) else { return [] }
        return AuditFolder.notes(String(decoding: bytes, as: UTF8.self))
    }

    static func notes(_ text: String) -> [String] {
        var notes: [String] = []
        var note = ""
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "----" {
                notes.append(note)
                note = ""
            } else {
                note += line + "\n"
            }
        }
        return notes
    }

    func remember(_ note: String) -> Bool {
        AuditFiles.add(history, Array((note + AuditFolder.separator).utf8))
    }

    static func hex(_ byte: UInt8) -> String { String(byte >> 4, radix: 16) + String(byte & 15, radix: 16) }
}
