package import GatewayModel
package import GatewayWire

/// The gateway's own signing keys, one after the other. The next is published before it signs, and one that has signed
/// stays published until everything it signed has expired, so that nobody meets a key that is not there.
package struct KeyRing: Sendable {
    struct Key: Sendable {
        var key: SigningKey
        var createdSeconds: Int
        /// From when it signs.
        var activeSeconds: Int
    }

    /// How long one key signs.
    package static let activeSeconds = 30 * 86_400
    /// How long others may keep a key set, and so how long a key is published before it signs.
    package static let aheadSeconds = 3_600
    /// The longest life of a token.
    package static let behindSeconds = 86_400 + 300

    private(set) var keys: [Key]
    private let kind: SigningKey.Kind

    /// A ring of one key that signs at once.
    package init(_ kind: SigningKey.Kind = .ed25519, nowSeconds: Int) {
        self.kind = kind
        keys = [Key(key: SigningKey(kind), createdSeconds: nowSeconds, activeSeconds: nowSeconds)]
    }

    /// Makes and drops keys as their times ask. True when the ring has changed and must be kept before it is used.
    package mutating func advance(nowSeconds now: Int) -> Bool {
        let before = keys.map(\.createdSeconds)
        if let last = keys.last, now >= last.activeSeconds + KeyRing.activeSeconds - KeyRing.aheadSeconds {
            add(now)
        }
        while keys.count > 1, now >= keys[1].activeSeconds + KeyRing.behindSeconds { keys.removeFirst() }
        return keys.map(\.createdSeconds) != before || keys.count != before.count
    }

    /// Makes another key the one to sign with, as soon as others may know it.
    package mutating func rotate(nowSeconds: Int) { add(nowSeconds) }

    /// Drops every key there is: what they signed is worth nothing from now on.
    package mutating func replaceAll(nowSeconds: Int) { self = KeyRing(kind, nowSeconds: nowSeconds) }

    private mutating func add(_ now: Int) {
        keys.append(Key(key: SigningKey(kind), createdSeconds: now, activeSeconds: now + KeyRing.aheadSeconds))
    }

    package func signer(nowSeconds: Int) -> SigningKey {
        (keys.last { $0.activeSeconds <= nowSeconds } ?? keys[0]).key
    }

    package var published: JSONTree { ["keys": .array(keys.map { .object($0.key.publishedMembers) })] }

    package var verificationKeys: VerificationKeySet {
        VerificationKeySet(keys.compactMap { try? VerificationKey(jwk: $0.key.publishedMembers) })
    }

    // MARK: Keeping it

    /// As a file that only its owner may read.
    package var serialized: Secret {
        let list = keys.map { entry -> JSONTree in
            [
                "kind": .text(entry.key.kind.rawValue), "secret": .text(entry.key.secret.reveal(Base64URL.encode)),
                "created": .integer(entry.createdSeconds), "active": .integer(entry.activeSeconds),
            ]
        }
        return Secret(JSONTree.object(["keys": .array(list)]).bytes)
    }

    package init(_ serialized: Secret) throws(GatewayError) {
        let problem = GatewayError(
            .unreadableFile, "the file of token keys is damaged", hint: "remove it to get new keys; tokens end with it")
        guard let tree = serialized.reveal({ try? JSONTree.parse($0) }), let list = tree["keys"]?.array, !list.isEmpty
        else { throw problem }
        var keys: [Key] = []
        for item in list {
            guard let kind = item["kind"]?.string.flatMap({ SigningKey.Kind(rawValue: $0.value) }),
                let bytes = item["secret"]?.string.flatMap({ Base64URL.decode($0.value) }),
                let created = item["created"]?.int, let active = item["active"]?.int
            else { throw problem }
            keys.append(
                Key(
                    key: try SigningKey(kind, secret: Secret(bytes)), createdSeconds: created, activeSeconds: active))
        }
        self.keys = keys
        kind = keys[0].key.kind
    }
}
