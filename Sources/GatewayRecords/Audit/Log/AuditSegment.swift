import GatewayWire

/// One file of the log: a head that says where the tree stood when it began, then records. Its name is its number; a
/// later one is newer.
///
/// A record is its length and checksum, four bytes each, least byte first, then a salt of 16 bytes and its canonical
/// JSON. The salt lets a record be shown without its neighbours being guessed from their hashes. The checksum is made
/// of the beginnings of its fingerprint and of its leaf's hash; in heads it is a hash of its own.
enum AuditSegment {
    static let saltBytes = 16
    static let frameBytes = 8
    private static let magic: [UInt8] = Array("sluicea3".utf8)
    private static let ending = ".log"
    private static let headBytesMax = 96 * 1024

    /// Where the log stood when a segment began.
    struct Head: Sendable, Equatable {
        var sequence: Int
        var createdMilliseconds: Int
        var tree: AuditTree
        var previous: PreviousRecord?
    }

    /// How far a segment could be read, and where that ends.
    enum End: Equatable {
        case whole(Int)
        /// The last record was being written when the machine or the process ended.
        case torn(Int)
        /// A record in the middle does not match its checksum.
        case damaged(Int)

        var offset: Int {
            switch self {
            case .whole(let offset), .torn(let offset), .damaged(let offset): offset
            }
        }
    }

    static func path(_ sequence: Int, in folder: String) -> String {
        let digits = String(sequence)
        return "\(folder)/\(String(repeating: "0", count: max(0, 12 - digits.count)))\(digits)\(ending)"
    }

    /// The segments in a folder, oldest first.
    static func sequences(in folder: String) -> [Int] {
        AuditFiles.names(in: folder).filter { $0.hasSuffix(ending) }.compactMap { Int($0.dropLast(ending.count)) }
            .sorted()
    }

    /// A record that was left over from another segment fails its checksum.
    private static func checksum(_ content: Span<UInt8>, _ sequence: Int) -> UInt32 {
        UInt32(truncatingIfNeeded: Hash64.of(content, seed: seed(sequence)) >> 16)
    }

    private static func checksum(_ hashes: RecordHashes, _ sequence: Int) -> UInt32 {
        hashes.leaf.prefix ^ hashes.fingerprint.prefix ^ UInt32(truncatingIfNeeded: seed(sequence) >> 32)
    }

    private static func seed(_ sequence: Int) -> UInt64 {
        UInt64(truncatingIfNeeded: sequence) &* 0x9E37_79B9_7F4A_7C15
    }

    /// Fills in the frame at `start` of the record that follows it to the end.
    static func seal(_ bytes: RecordBuffer, from start: Int, _ hashes: RecordHashes, _ sequence: Int) {
        bytes.set(UInt32(bytes.count - start - frameBytes), at: start)
        bytes.set(checksum(hashes, sequence), at: start + 4)
    }

    // MARK: Head

    static func encode(_ head: Head) -> [UInt8] {
        var content: [UInt8] = []
        number(head.sequence, &content)
        number(head.createdMilliseconds, &content)
        number(head.tree.count, &content)
        content.append(UInt8(head.tree.edge.count))
        for level in head.tree.edge {
            content.append(UInt8(level.count))
            for hash in level { hash.append(to: &content) }
        }
        if let previous = head.previous {
            let uid = Array(previous.uid.text.utf8)
            content.append(UInt8(uid.count))
            content += uid
            number(previous.typeUID, &content)
            previous.fingerprint.append(to: &content)
        } else {
            content.append(0)
        }
        let out = RecordBuffer()
        out.append(magic.span)
        out.append(4, of: UInt64(content.count))
        out.append(4, of: UInt64(checksum(content.span, head.sequence)))
        out.append(content.span)
        return out.bytes
    }

    /// How long a head is that says so.
    static func headCount(_ sequence: Int, _ tree: AuditTree, _ previous: PreviousRecord?) -> Int {
        encode(Head(sequence: sequence, createdMilliseconds: 0, tree: tree, previous: previous)).count
    }

    /// The head and its length; nil for one that is not whole, or of another segment.
    static func decode(_ bytes: [UInt8], sequence: Int) -> (head: Head, length: Int)? {
        guard bytes.count > magic.count + frameBytes, bytes.starts(with: magic) else { return nil }
        let span = bytes.span
        let length = Int(word(span, at: magic.count))
        let start = magic.count + frameBytes
        guard length <= headBytesMax, length <= bytes.count - start,
            checksum(span.extracting(start..<(start + length)), sequence) == word(span, at: magic.count + 4)
        else { return nil }
        var reader = Reader(bytes: bytes[start..<(start + length)])
        guard let number = reader.number(), number == sequence, let created = reader.number(),
            let count = reader.number(), let levels = reader.byte()
        else { return nil }
        var edge: [[TreeHash]] = []
        for _ in 0..<levels {
            guard let width = reader.byte() else { return nil }
            var hashes: [TreeHash] = []
            for _ in 0..<width {
                guard let hash = reader.hash() else { return nil }
                hashes.append(hash)
            }
            edge.append(hashes)
        }
        guard let tree = AuditTree(count: count, edge: edge), let uidLength = reader.byte() else { return nil }
        var head = Head(sequence: sequence, createdMilliseconds: created, tree: tree)
        if uidLength > 0 {
            guard let text = reader.take(Int(uidLength)), let uid = RecordUID(String(decoding: text, as: UTF8.self)),
                let type = reader.number(), let hash = reader.hash()
            else { return nil }
            head.previous = PreviousRecord(uid: uid, typeUID: type, fingerprint: hash)
        }
        return (head, start + length)
    }

    // MARK: Records

    /// Hands out the range of every record, its salt included, up to the first that is not whole, or until `visit` says
    /// false.
    static func scan(
        _ bytes: [UInt8], from offset: Int, sequence: Int, visit: (Range<Int>) -> Bool
    ) -> End {
        let span = bytes.span
        var index = offset
        while index < bytes.count {
            guard bytes.count - index > frameBytes else { return .torn(index) }
            let length = Int(word(span, at: index))
            let start = index + frameBytes
            guard length > saltBytes, length <= 65_535 else { return end(bytes, at: index) }
            guard length <= bytes.count - start else { return .torn(index) }
            let text = (start + saltBytes)..<(start + length)
            let hashes = RecordHashes(
                salt: span.extracting(start..<text.lowerBound), text: span.extracting(text))
            guard hashes.map({ checksum($0, sequence) }) == word(span, at: index + 4) else {
                return start + length == bytes.count ? .torn(index) : .damaged(index)
            }
            index = start + length
            guard visit(start..<index) else { return .whole(index) }
        }
        return .whole(index)
    }

    /// A length that no writer of ours has written: zeros to the end are space that a crash left, the rest is damage.
    private static func end(_ bytes: [UInt8], at index: Int) -> End {
        bytes[index...].allSatisfy { $0 == 0 } ? .torn(index) : .damaged(index)
    }

    private static func word(_ bytes: Span<UInt8>, at index: Int) -> UInt32 {
        var value: UInt32 = 0
        for offset in 0..<4 { value |= UInt32(bytes[index + offset]) << UInt32(offset * 8) }
        return value
    }

    private static func number(_ value: Int, _ bytes: inout [UInt8]) {
        for index in 0..<8 { bytes.append(UInt8(truncatingIfNeeded: value >> (index * 8))) }
    }

    private struct Reader {
        var bytes: ArraySlice<UInt8>

        mutating func byte() -> UInt8? { bytes.popFirst() }

        mutating func take(_ count: Int) -> ArraySlice<UInt8>? {
            guard bytes.count >= count else { return nil }
            defer { bytes = bytes.dropFirst(count) }
            return bytes.prefix(count)
        }

        mutating func number() -> Int? {
            guard let part = take(8) else { return nil }
            var value = 0
            for (index, byte) in part.enumerated() { value |= Int(byte) << (index * 8) }
            return value
        }

        mutating func hash() -> TreeHash? { take(TreeHash.byteCount).flatMap { TreeHash($0) } }
    }
}
