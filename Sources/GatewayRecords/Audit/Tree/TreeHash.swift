import CLinux
import GatewayWire

/// A SHA-256 hash of the tree: four words, so that a million of them are no million objects.
package struct TreeHash: Sendable, Hashable {
    private var words: (UInt64, UInt64, UInt64, UInt64)

    package static let byteCount = 32

    private init(words: (UInt64, UInt64, UInt64, UInt64)) { self.words = words }

    /// Nil unless there are 32 bytes.
    package init?(_ bytes: some Collection<UInt8>) {
        guard bytes.count == TreeHash.byteCount else { return nil }
        var all: [UInt64] = []
        var word: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            word = word << 8 | UInt64(byte)
            if index % 8 == 7 { all.append(word) }
        }
        words = (all[0], all[1], all[2], all[3])
    }

    package init?(base64: String) {
        guard let bytes = Base64Text.decode(base64) else { return nil }
        self.init(bytes)
    }

    /// Plain SHA-256.
    private init(hashing bytes: UnsafeRawBufferPointer) {
        var digest: (UInt64, UInt64, UInt64, UInt64) = (0, 0, 0, 0)
        // Safe: a digest is 32 bytes, which four words without a gap are.
        unsafe withUnsafeMutableBytes(of: &digest) { digest in
            _ = unsafe CCryptoBoringSSL_SHA256(
                bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count,
                digest.baseAddress?.assumingMemoryBound(to: UInt8.self))
        }
        words = (
            UInt64(bigEndian: digest.0), UInt64(bigEndian: digest.1), UInt64(bigEndian: digest.2),
            UInt64(bigEndian: digest.3)
        )
    }

    package func append(to out: inout [UInt8]) {
        let words = (words.0.bigEndian, words.1.bigEndian, words.2.bigEndian, words.3.bigEndian)
        // Safe: four words without a gap are read where they lie.
        unsafe withUnsafeBytes(of: words) { unsafe out.append(contentsOf: $0) }
    }

    package var bytes: [UInt8] {
        var out: [UInt8] = []
        append(to: &out)
        return out
    }

    package var base64: String { Base64Text.encode(bytes) }

    package var hex: String { Hexadecimal.text([words.0, words.1, words.2, words.3]) }

    /// 64 digits over what was written there.
    func setHex(in buffer: RecordBuffer, at place: Int) {
        buffer.set(hex: words.0, at: place)
        buffer.set(hex: words.1, at: place + 16)
        buffer.set(hex: words.2, at: place + 32)
        buffer.set(hex: words.3, at: place + 48)
    }

    /// Its first four bytes.
    var prefix: UInt32 { UInt32(truncatingIfNeeded: words.0 &>> 32) }

    package static func == (left: TreeHash, right: TreeHash) -> Bool { left.words == right.words }

    package func hash(into hasher: inout Hasher) {
        hasher.combine(words.0)
        hasher.combine(words.1)
    }

    // MARK: RFC 6962 section 2.1

    /// Zeros, which nobody has found anything for that hashes to them.
    static let nothing = TreeHash(words: (0, 0, 0, 0))

    /// The hash of an empty tree.
    package static let empty = TreeHash.of([UInt8]().span)

    /// Plain SHA-256.
    package static func of(_ bytes: Span<UInt8>) -> TreeHash {
        // Safe: the hash only reads.
        unsafe bytes.withUnsafeBytes { unsafe TreeHash(hashing: $0) }
    }

    /// The hash of a leaf: its bytes behind a zero, so that no leaf can pass for a node.
    package static func leaf(_ entry: some Collection<UInt8>) -> TreeHash {
        let bytes = [0] + entry
        return of(bytes.span)
    }

    /// The hash of a node above two others.
    package static func node(_ left: TreeHash, _ right: TreeHash) -> TreeHash {
        let block = (
            UInt64(1).bigEndian, left.words.0.bigEndian, left.words.1.bigEndian, left.words.2.bigEndian,
            left.words.3.bigEndian, right.words.0.bigEndian, right.words.1.bigEndian, right.words.2.bigEndian,
            right.words.3.bigEndian
        )
        // Safe: the last byte of the first word, a one, and eight words without a gap are read where they lie.
        return unsafe withUnsafeBytes(of: block) { bytes in
            unsafe TreeHash(hashing: UnsafeRawBufferPointer(rebasing: bytes[7..<72]))
        }
    }
}
