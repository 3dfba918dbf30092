import Crypto

/// SHA-256 of a token, as a key of tables: what is kept of a token in memory in place of the token.
package struct TokenDigest: Sendable, Hashable {
    let words: (UInt64, UInt64, UInt64, UInt64)

    package init(_ token: Span<UInt8>) {
        var hash = SHA256()
        // Safe: the hash only reads.
        unsafe token.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        let digest = hash.finalize()
        // Safe: a digest of SHA-256 has 32 bytes.
        words = unsafe digest.withUnsafeBytes { unsafe $0.loadUnaligned(as: (UInt64, UInt64, UInt64, UInt64).self) }
    }

    package init(_ token: [UInt8]) { self.init(token.span) }

    package static func == (left: TokenDigest, right: TokenDigest) -> Bool {
        (left.words.0 ^ right.words.0) | (left.words.1 ^ right.words.1) | (left.words.2 ^ right.words.2)
            | (left.words.3 ^ right.words.3) == 0
    }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }
}
