package import GatewayWire

/// One record as it lies in the log: its place, its salt and its text.
package struct AuditEntry: Sendable, Equatable {
    package var index: Int
    package var salt: [UInt8]
    package var text: [UInt8]

    package init(index: Int, salt: [UInt8], text: [UInt8]) {
        self.index = index
        self.salt = salt
        self.text = text
    }

    init(index: Int, leaf: ArraySlice<UInt8>) {
        self.init(
            index: index, salt: Array(leaf.prefix(AuditSegment.saltBytes)),
            text: Array(leaf.dropFirst(AuditSegment.saltBytes)))
    }

    var hashes: RecordHashes? { RecordHashes(salt: salt.span, text: text.span) }

    /// The hash of its leaf; of what is no record, one that no record has.
    package var leafHash: TreeHash { hashes?.leaf ?? .nothing }

    /// Whether it is canonical and has the fingerprint that it states.
    var isWhole: Bool {
        guard let tree, hashes != nil else { return false }
        return (try? CanonicalJSON.bytes(tree)) == text
    }

    /// Nil for what is no record.
    package var tree: JSONTree? { try? JSONTree.parse(text) }

    /// What the next record says of this one.
    var asPrevious: PreviousRecord? {
        guard let tree, let uid = tree["metadata"]?["uid"]?.string.flatMap({ RecordUID($0.value) }),
            let type = tree["type_uid"]?.int,
            let value = tree["attestation_list"]?.array?.first?["fingerprint"]?["value"]?.string?.value,
            let bytes = AuditEntry.bytes(hex: value), let hash = TreeHash(bytes)
        else { return nil }
        return PreviousRecord(uid: uid, typeUID: type, fingerprint: hash)
    }

    static func bytes(hex: String) -> [UInt8]? {
        let digits = Array(hex.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let high = AuditEntry.value(digits[index]), let low = AuditEntry.value(digits[index + 1]) else {
                return nil
            }
            bytes.append(high << 4 | low)
        }
        return bytes
    }

    private static func value(_ digit: UInt8) -> UInt8? {
        switch digit {
        case 0x30...0x39: digit - 0x30
        case 0x61...0x66: digit - 0x61 + 10
        default: nil
        }
    }
}
