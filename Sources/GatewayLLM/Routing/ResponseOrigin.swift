import Crypto
package import GatewayModel
package import GatewayState

/// Marks the ids of what providers keep (responses, files, batches) with where they came from and whose they are, so
/// that any replica finds the way back without a table, and nobody follows an id that was given to somebody else.
///
/// `resp_68af…` becomes `resp_68af….abcdefghijklmnop`: sixteen letters, a keyed hash of the id, what it is an id of,
/// the provider, its credential and the owner. What must be known to use the thing stands before the hash and is
/// part of it: `file-68af….mnxxizi.abcdefghijklmnop`.
package struct ResponseOrigin: Sendable {
    private static let markCount = 16
    private static let alphabet = Array("abcdefghijklmnopqrstuvwxyz234567".utf8)

    private let key: Secret

    package init(key: Secret) { self.key = key }

    /// An id that a client sends, taken apart. Whether its mark is good is not said.
    struct Parts: Equatable {
        var id: [UInt8]
        var note: String
        var mark: [UInt8]
    }

    /// An id as a client is shown it: what is appended to the provider's own.
    package func suffix(
        _ id: [UInt8], _ kind: ProviderObject.Kind, note: String = "", provider: String, credential: String,
        owner: ObjectOwner
    ) -> [UInt8] {
        let mark = mark(id, kind, note: note, provider: provider, credential: credential, owner: owner)
        return (note.isEmpty ? [] : [0x2E] + ResponseOrigin.letters(Array(note.utf8))) + [0x2E] + mark
    }

    func mark(
        _ id: [UInt8], _ kind: ProviderObject.Kind, note: String, provider: String, credential: String,
        owner: ObjectOwner
    ) -> [UInt8] {
        var text: [UInt8] = []
        // Each with its length: no two ways to part the whole.
        for part in [id, Array("\(kind.rawValue)".utf8), Array(note.utf8)]
            + [provider, credential, owner.text]
            .map({ Array($0.utf8) })
        {
            for shift in [24, 16, 8, 0] { text.append(UInt8(truncatingIfNeeded: part.count >> shift)) }
            text += part
        }
        let digest = key.reveal { HMAC<SHA256>.authenticationCode(for: text, using: SymmetricKey(data: $0)) }
        return digest.prefix(ResponseOrigin.markCount).map { ResponseOrigin.alphabet[Int($0 & 31)] }
    }

    /// Whose a thing is, within a tenant: a user's over all keys, an agent's, else the key's own. Nil for somebody who
    /// has no name at all: what all of them share is nobody's.
    package static func owner(_ principal: Principal) -> ObjectOwner? {
        let names = [
            ("user", principal.user), ("agent", principal.agent), (principal.proof.rawValue, principal.credentialID),
        ]
        guard let (kind, name) = names.first(where: { $0.1 != nil }), let name, !name.isEmpty else { return nil }
        return ObjectOwner(tenant: principal.tenant, name: "\(kind) \(name)")
    }

    /// The ways in which an id that a client sends can be read; none for one that was never marked.
    static func split(_ id: [UInt8]) -> [Parts] {
        guard id.count > markCount + 1, id[id.count - markCount - 1] == 0x2E else { return [] }
        let mark = Array(id.suffix(markCount))
        guard mark.allSatisfy({ alphabet.contains($0) }) else { return [] }
        let rest = Array(id.dropLast(markCount + 1))
        var found = [Parts(id: rest, note: "", mark: mark)]
        if let dot = rest.lastIndex(of: 0x2E), dot > 0, let bytes = bytes(rest[(dot + 1)...]),
            let note = String(validating: bytes, as: UTF8.self), !note.isEmpty
        {
            found.append(Parts(id: Array(rest[..<dot]), note: note, mark: mark))
        }
        return found
    }

    /// Compares in time that depends on the length only.
    package static func isEqual(_ one: [UInt8], _ other: [UInt8]) -> Bool { Secret(one).matches(other) }

    // MARK: Letters (base 32 of RFC 4648, small, without padding)

    private static func letters(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var (bits, count) = (0, 0)
        for byte in bytes {
            bits = (bits << 8 | Int(byte)) & 0xFFFF
            count += 8
            while count >= 5 {
                count -= 5
                out.append(alphabet[bits >> count & 31])
            }
        }
        if count > 0 { out.append(alphabet[bits << (5 - count) & 31]) }
        return out
    }

    /// Nil for what `letters` does not write.
    private static func bytes(_ text: ArraySlice<UInt8>) -> [UInt8]? {
        var out: [UInt8] = []
        var (bits, count) = (0, 0)
        for letter in text {
            guard let value = alphabet.firstIndex(of: letter) else { return nil }
            bits = (bits << 5 | value) & 0xFFFF
            count += 5
            guard count >= 8 else { continue }
            count -= 8
            out.append(UInt8(truncatingIfNeeded: bits >> count))
        }
        return letters(out).elementsEqual(text) ? out : nil
    }
}
