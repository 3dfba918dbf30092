import Crypto
package import GatewayModel

/// Who signs: an Ed25519 key and its name, as C2SP's signed notes write them.
package struct NoteSigner: Sendable {
    package let verifier: NoteVerifier
    private let key: Curve25519.Signing.PrivateKey

    /// A fresh key.
    package init(name: String) {
        self.init(name: name, key: Curve25519.Signing.PrivateKey())
    }

    /// From 32 bytes of secret; nil for anything else.
    package init?(name: String, seed: Secret) {
        guard let key = seed.reveal({ try? Curve25519.Signing.PrivateKey(rawRepresentation: $0) }) else { return nil }
        self.init(name: name, key: key)
    }

    private init(name: String, key: Curve25519.Signing.PrivateKey) {
        self.key = key
        verifier = NoteVerifier(name: name, publicKey: Array(key.publicKey.rawRepresentation))
    }

    /// For the one file that keeps it.
    package var seed: Secret { Secret(Array(key.rawRepresentation)) }

    /// The text, which ends with a line feed, and its signature beneath an empty line.
    package func sign(_ text: String) throws(GatewayError) -> String {
        do {
            let signature = Array(try key.signature(for: Array(text.utf8)))
            return "\(text)\n\u{2014} \(verifier.name) \(Base64Text.encode(verifier.keyID + signature))\n"
        } catch {
            throw GatewayError(.internalFault, "cannot sign a note", cause: "\(error)")
        }
    }
}

/// Whose signatures are believed: a name and a public key.
package struct NoteVerifier: Sendable, Hashable {
    private static let algorithm: UInt8 = 1

    package let name: String
    package let publicKey: [UInt8]
    /// The first four bytes of a hash of name and key: which key a signature is of.
    package let keyID: [UInt8]

    package init(name: String, publicKey: [UInt8]) {
        self.name = name
        self.publicKey = publicKey
        let named = Array(name.utf8) + [0x0A, NoteVerifier.algorithm] + publicKey
        keyID = Array(TreeHash.of(named.span).bytes[0..<4])
    }

    /// `name+keyid+base64`; nil for anything else, and for an id that is not the key's.
    package init?(_ text: String) {
        let parts = text.split(separator: "+", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, NoteVerifier.isName(parts[0]), let bytes = Base64Text.decode(String(parts[2])),
            bytes.count == 33, bytes[0] == NoteVerifier.algorithm
        else { return nil }
        self.init(name: String(parts[0]), publicKey: Array(bytes[1...]))
        guard parts[1] == idText else { return nil }
    }

    private static func isName(_ text: Substring) -> Bool {
        !text.isEmpty && text.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7F && $0 != 0x2B }
    }

    private var idText: String {
        keyID.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    /// As it is handed to whoever verifies.
    package var text: String { "\(name)+\(idText)+\(Base64Text.encode([NoteVerifier.algorithm] + publicKey))" }

    /// The note's text, with its last line feed, if one of its signatures is ours and holds.
    package func open(_ note: String) -> String? {
        guard note.utf8.count <= 64 * 1024, let (text, signatures) = NoteVerifier.split(note) else { return nil }
        guard let key = try? Curve25519.Signing.PublicKey(rawRepresentation: publicKey) else { return nil }
        for line in signatures.split(separator: "\n") {
            let words = line.split(separator: " ", omittingEmptySubsequences: false)
            guard words.count == 3, words[0] == "\u{2014}", words[1] == name,
                let bytes = Base64Text.decode(String(words[2])), bytes.count == 68, Array(bytes[0..<4]) == keyID
            else { continue }
            if key.isValidSignature(Array(bytes[4...]), for: Array(text.utf8)) { return text }
        }
        return nil
    }

    /// Text and signatures: the last empty line is between them.
    private static func split(_ note: String) -> (text: String, signatures: Substring)? {
        let bytes = Array(note.utf8)
        guard let at = bytes.indices.dropLast().last(where: { bytes[$0] == 0x0A && bytes[$0 + 1] == 0x0A }) else {
            return nil
        }
        return (
            String(decoding: bytes[...at], as: UTF8.self),
            Substring(String(decoding: bytes[(at + 2)...], as: UTF8.self))
        )
    }
}
