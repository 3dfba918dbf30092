import Crypto
package import GatewayModel

/// The API keys a gateway accepts, by the SHA-256 of each. Immutable: a changed file makes a new set.
///
/// A key is a random secret of high entropy, so a plain hash suffices (nothing can be guessed offline that could
/// not be guessed online), and a request costs one hash and one dictionary read.
package struct APIKeySet: Sendable {
    struct Key: Sendable {
        var digest: [UInt8]
        var principal: Principal
        /// Seconds since 1970; nil for a key without an end.
        var expiresSeconds: Int?
        var isBlocked = false
        /// Notes when the key is used; nil where nobody asks.
        var use: KeyUse?
    }

    /// What a key was good for.
    package enum Finding: Sendable, Equatable {
        case accepted(Principal)
        case unknown
        /// Names the key's id, never the key.
        case expired(id: String)
        case blocked(id: String)
    }

    /// A file of keys at most, and keys in it.
    package static let fileBytesMax = 8 * 1024 * 1024
    package static let keysMax = 100_000
    /// A longer credential is not a key of ours; it is refused before it is hashed.
    package static let keyBytesMax = 1_024

    /// Those whose digests begin alike lie side by side.
    private let keys: [Key]
    private let places: [Prefix: Range<Int>]
    package var count: Int { keys.count }

    package init() { self.init([]) }

    init(_ list: [Key]) {
        var keys: [Key] = []
        var places: [Prefix: Range<Int>] = [:]
        for (prefix, alike) in Dictionary(grouping: list, by: { Prefix($0.digest.span) }) {
            places[prefix] = keys.count..<(keys.count + alike.count)
            keys += alike
        }
        self.keys = keys
        self.places = places
    }

    package var isEmpty: Bool { count == 0 }

    /// The principal of a key, in time that does not depend on how much of it is right.
    package func find(_ key: Span<UInt8>, nowSeconds: Int) -> Finding {
        guard key.count > 0, key.count <= APIKeySet.keyBytesMax else { return .unknown }
        var hash = SHA256()
        // Safe: the hash only reads.
        unsafe key.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        let digest = hash.finalize()
        let prefix = Prefix(digest)
        guard let place = places[prefix] else { return .unknown }
        for index in place where APIKeySet.isEqual(keys[index].digest, digest) {
            return finding(keys[index], nowSeconds: nowSeconds)
        }
        return .unknown
    }

    private func finding(_ key: borrowing Key, nowSeconds: Int) -> Finding {
        if key.isBlocked { return .blocked(id: key.principal.credentialID ?? "") }
        if let end = key.expiresSeconds, nowSeconds >= end { return .expired(id: key.principal.credentialID ?? "") }
        key.use?.note(nowSeconds)
        return .accepted(key.principal)
    }

    /// The principal of a key given as text; for commands and tests.
    package func find(_ key: String, nowSeconds: Int) -> Finding {
        find(Array(key.utf8).span, nowSeconds: nowSeconds)
    }

    /// The line of the file that would accept this key.
    package static func digestText(of key: String) -> String {
        var text = ""
        for byte in SHA256.hash(data: Array(key.utf8)) {
            let digits = String(byte, radix: 16)
            text += digits.count == 1 ? "0" + digits : digits
        }
        return text
    }

    private static func isEqual(_ one: [UInt8], _ other: SHA256.Digest) -> Bool {
        guard one.count == SHA256.Digest.byteCount else { return false }
        // Safe: the digest is only read, within its bytes.
        return unsafe other.withUnsafeBytes { other in
            var difference: UInt8 = 0
            for index in one.indices { unsafe difference |= one[index] ^ other[index] }
            return difference == 0
        }
    }

    /// The first half of a digest. Looking it up leaks at most how a dictionary treats a hash of the key, from
    /// which the key cannot be had.
    private struct Prefix: Hashable, Sendable {
        var high: UInt64 = 0
        var low: UInt64 = 0

        init(_ digest: Span<UInt8>) {
            for index in 0..<min(8, digest.count) { high = high << 8 | UInt64(digest[index]) }
            for index in 8..<min(16, max(8, digest.count)) { low = low << 8 | UInt64(digest[index]) }
        }

        init(_ digest: SHA256.Digest) {
            // Safe: a digest has 32 bytes, and any are an integer.
            (high, low) = unsafe digest.withUnsafeBytes { bytes in
                (
                    unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                    unsafe UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
        }
    }
}
