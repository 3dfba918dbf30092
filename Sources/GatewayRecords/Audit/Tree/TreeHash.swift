import Crypto
import GatewayWire

/// A SHA-256 hash of the tree: four words, so that a million of them are no million objects.
package struct TreeHash: Sendable, Hashable {
    private var words: (UInt64, UInt64, UInt64, UInt64)

    package static let byteCount = 32

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

    fileprivate init(_ digest: SHA256.Digest) {
        // Safe: a digest is 32 bytes, read as it lies there.
        words = unsafe digest.withUnsafeBytes { bytes in
            unsafe (
                UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 16, as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 24, as: UInt64.self))
            )
        }
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

    /// The hash of an empty tree.
    package static let empty = TreeHash(SHA256().finalize())

    /// Plain SHA-256.
    package static func of(_ bytes: Span<UInt8>) -> TreeHash { of(bytes, Span()) }

    /// The same of two parts, one behind the other.
    static func of(_ bytes: Span<UInt8>, _ rest: Span<UInt8>) -> TreeHash {
        var hash = SHA256()
        // Safe: the hash only reads.
        unsafe bytes.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        unsafe rest.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        return TreeHash(hash.finalize())
    }

    /// The hash of a leaf: its bytes behind a zero, so that no leaf can pass for a node.
    package static func leaf(_ entry: Span<UInt8>) -> TreeHash {
        var hash = SHA256()
        var prefix: UInt8 = 0
        // Safe: the hash only reads.
        unsafe withUnsafeBytes(of: &prefix) { unsafe hash.update(bufferPointer: $0) }
        unsafe entry.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        return TreeHash(hash.finalize())
    }

    /// The hash of a node above two others.
    package static func node(_ left: TreeHash, _ right: TreeHash) -> TreeHash {
        var block = (
            UInt8(1), left.words.0.bigEndian, left.words.1.bigEndian, left.words.2.bigEndian, left.words.3.bigEndian,
            right.words.0.bigEndian, right.words.1.bigEndian, right.words.2.bigEndian, right.words.3.bigEndian
        )
        var hash = SHA256()
        // Safe: the byte and, behind its padding, the eight words are read where they lie.
        unsafe withUnsafeBytes(of: &block) { bytes in
            unsafe hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[0..<1]))
            unsafe hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: bytes[8..<72]))
        }
        return TreeHash(hash.finalize())
    }
}
