package import GatewayModel

/// What a log says it is at one moment (C2SP tlog-checkpoint): whose, how long, and the hash of all of it.
package struct Checkpoint: Sendable, Hashable {
    package var origin: String
    package var size: Int
    package var root: TreeHash

    package init(origin: String, size: Int, root: TreeHash) {
        self.origin = origin
        self.size = size
        self.root = root
    }

    /// The text that is signed.
    package var text: String { "\(origin)\n\(size)\n\(root.base64)\n" }

    package func signed(by signer: NoteSigner) throws(GatewayError) -> String { try signer.sign(text) }

    /// From a note that this verifier has signed.
    package init?(note: String, by verifier: NoteVerifier) {
        guard let text = verifier.open(note) else { return nil }
        self.init(text: text)
        guard origin == verifier.name else { return nil }
    }

    /// Text without its signatures.
    package init?(text: String) {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        guard lines.count >= 4, !lines[0].isEmpty, let size = Int(lines[1]), size >= 0, String(size) == lines[1],
            let root = TreeHash(base64: String(lines[2]))
        else { return nil }
        self.init(origin: String(lines[0]), size: size, root: root)
    }
}
