import Crypto
package import GatewayModel
import GatewayWire

/// Makes texts that only this gateway and its replicas can read and nobody can change: a client carries what the
/// gateway must know again. AES-256-GCM, with what the text is for as additional data.
package struct Seal: Sendable {
    /// What a sealed text is for: one cannot be used as another.
    enum Purpose: UInt8, Sendable {
        case session = 1
        case requestState = 2
        case eventID = 3
        case task = 4
        case connection = 5
        case oauthClient = 6
    }

    /// A longer text is none of ours.
    static let textBytesMax = 256 * 1024
    /// What a field of a head can bear.
    static let fieldBytesMax = 12 * 1024

    private let key: Secret

    /// `secret` is of the state folder; the key is derived from it for this use alone.
    package init(secret: Secret) {
        key = secret.reveal { bytes in
            let code = HMAC<SHA256>.authenticationCode(
                for: Array("sluice mcp seal 1".utf8), using: SymmetricKey(data: bytes))
            return Secret(Array(code))
        }
    }

    func seal(_ bytes: [UInt8], _ purpose: Purpose) -> String? {
        key.reveal { key in
            guard
                let box = try? AES.GCM.seal(
                    bytes, using: SymmetricKey(data: key), authenticating: [purpose.rawValue]),
                let whole = box.combined
            else { return nil }
            return String(decoding: Base64.encodeURLSafe(Array(whole)), as: UTF8.self)
        }
    }

    /// Nil for anything that was not sealed here for this purpose.
    func open(_ text: String, _ purpose: Purpose) -> [UInt8]? {
        guard text.utf8.count <= Seal.textBytesMax, let bytes = Base64.decodeURLSafe(Array(text.utf8)) else {
            return nil
        }
        return key.reveal { key in
            guard let box = try? AES.GCM.SealedBox(combined: bytes) else { return nil }
            let opened = try? AES.GCM.open(
                box, using: SymmetricKey(data: key), authenticating: [purpose.rawValue])
            return opened.map { Array($0) }
        }
    }
}

extension ClientSession {
    /// Its JSON, to be sealed.
    private var tree: JSONTree {
        var object: JSONObject = [
            "i": .text(id), "r": .text(revision.rawValue), "p": .text(place), "o": .text(owner),
            "c": .text(String(decoding: capabilities, as: UTF8.self)),
            "t": .integer(openedMilliseconds),
            "s": .array(opened.map { [.text($0.server), .text($0.id), .text($0.revision.rawValue)] }),
        ]
        if let clientInfo { object["n"] = .text(String(decoding: clientInfo, as: UTF8.self)) }
        return .object(object)
    }

    /// The id that the client is given; nil if it would be too long for a head.
    func sealed(_ seal: Seal) -> String? {
        guard let text = seal.seal(tree.bytes, .session), text.utf8.count <= Seal.fieldBytesMax else { return nil }
        return text
    }

    /// The session of an id that a client sends; nil for one that is not ours.
    convenience init?(_ text: String, _ seal: Seal) {
        guard let bytes = seal.open(text, .session), let tree = try? JSONTree.parse(bytes),
            let id = tree["i"]?.string?.value, let place = tree["p"]?.string?.value,
            let owner = tree["o"]?.string?.value,
            let revision = tree["r"]?.string.flatMap({ MCPRevision(rawValue: $0.value) }),
            let capabilities = tree["c"]?.string?.value, let openedMilliseconds = tree["t"]?.int
        else { return nil }
        let opened = (tree["s"]?.array ?? []).compactMap { each -> Opened? in
            guard let parts = each.array, parts.count == 3, let server = parts[0].string?.value,
                let id = parts[1].string?.value,
                let revision = parts[2].string.flatMap({ MCPRevision(rawValue: $0.value) })
            else { return nil }
            return Opened(server: server, id: id, revision: revision)
        }
        self.init(
            id: id, revision: revision, place: place, owner: owner, capabilities: Array(capabilities.utf8),
            clientInfo: tree["n"]?.string.map { Array($0.value.utf8) }, opened: opened,
            openedMilliseconds: openedMilliseconds)
    }
}
