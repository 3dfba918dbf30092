package import GatewayModel
package import GatewayWire

/// The keys of one issuer (RFC 7517 section 5). Never mixed with another's: a key is looked up among those of the
/// issuer that the token claims, and nowhere else.
package struct VerificationKeySet: Sendable {
    package static let bytesMax = 512 * 1024
    package static let keysMax = 256

    package let keys: [VerificationKey]
    /// What was left out and why, for whoever runs the gateway.
    package let problems: [String]

    package init(_ keys: [VerificationKey] = [], problems: [String] = []) {
        self.keys = keys
        self.problems = problems
    }

    /// Reads a JWK set. Keys of other kinds are left out, as RFC 7517 section 5 asks; so are broken ones.
    package static func parse(
        _ bytes: [UInt8], use: String = "sig"
    ) throws(GatewayError) -> VerificationKeySet {
        guard bytes.count <= bytesMax else {
            throw GatewayError(.tooLarge, "a key set is larger than \(bytesMax) bytes")
        }
        let tree: JSONTree
        do throws(JSONTreeError) {
            tree = try JSONTree.parse(bytes.span, depthMax: 8, valuesMax: 20_000)
        } catch {
            throw GatewayError(.invalidValue, "a key set is not valid JSON", cause: "\(error.reason)")
        }
        return try parse(tree, use: use)
    }

    package static func parse(_ tree: JSONTree, use: String = "sig") throws(GatewayError) -> VerificationKeySet {
        guard let list = tree["keys"]?.array else {
            throw GatewayError(.invalidValue, "a key set has no list of keys", hint: "write {\"keys\": […]}")
        }
        guard list.count <= keysMax else {
            throw GatewayError(.tooLarge, "a key set has more than \(keysMax) keys")
        }
        var keys: [VerificationKey] = []
        var problems: [String] = []
        for (index, item) in list.enumerated() {
            guard let jwk = item.object else {
                problems.append("keys[\(index)] is not an object")
                continue
            }
            do throws(VerificationKey.JWKProblem) {
                keys.append(try VerificationKey(jwk: jwk, use: use))
            } catch {
                if case .malformed(let why) = error { problems.append("keys[\(index)]: \(why)") }
            }
        }
        return VerificationKeySet(keys, problems: problems)
    }

    package var isEmpty: Bool { keys.isEmpty }

    /// Those a token of that `kid` and algorithm may have been signed with. Without a `kid` only a key that is the only
    /// one of its kind.
    package func candidates(id: String?, _ algorithm: SignatureAlgorithm) -> [VerificationKey] {
        let fitting = keys.filter { $0.fits(algorithm) }
        guard let id else { return fitting.count == 1 ? fitting : [] }
        // Byte for byte: two spellings of one character are two names.
        return fitting.filter { $0.id?.utf8.elementsEqual(id.utf8) ?? false }
    }

    /// Whether both hold the same keys by the same names.
    package func isSame(as other: VerificationKeySet) -> Bool {
        keys.map(\.thumbprint) == other.keys.map(\.thumbprint) && keys.map(\.id) == other.keys.map(\.id)
    }
}
