/// `record_integrity` of the record at hand, as text: the hash of the record without it, and of the one before. It lies
/// behind a zero and a salt, and is a leaf of the tree with them.
struct Attestation {
    private static let name: StaticString = ",\"attestation_list\":"
    private static let listStart = 1 + AuditSegment.saltBytes
    private static let hashBegin: StaticString = #""fingerprint":{"algorithm_id":3,"serialization_id":2,"value":""#
    private static let digits = 64

    private let buffer = RecordBuffer(capacity: 1_024)
    private let fingerprintPlace: Int
    /// Behind what every record of this chain begins with.
    private let fixedCount: Int

    /// Who attests: the chain's name, and the gateway's.
    init(chainUID: String, gateway: String) {
        buffer.appendZeros(Attestation.listStart)
        buffer.append("[{\"authority_uid\":")
        buffer.append(quoted: gateway.utf8Span.span)
        buffer.append(",\"chain_uid\":")
        buffer.append(quoted: chainUID.utf8Span.span)
        buffer.append(0x2C)
        buffer.append(Attestation.hashBegin)
        fingerprintPlace = buffer.count
        buffer.appendZeros(Attestation.digits)
        buffer.append("\"}")
        fixedCount = buffer.count
    }

    /// All but its own fingerprint and the salt.
    func begin(after previous: PreviousRecord?) {
        buffer.removeAll(from: fixedCount)
        if let previous {
            buffer.append(",\"prev_event\":{")
            buffer.append(Attestation.hashBegin)
            let place = buffer.count
            buffer.appendZeros(Attestation.digits)
            previous.fingerprint.setHex(in: buffer, at: place)
            buffer.append("\"},\"type_uid\":")
            buffer.append(decimal: previous.typeUID)
            buffer.append(",\"uid\":\"")
            previous.uid.append(to: buffer)
            buffer.append("\"}")
        }
        buffer.append("}]")
    }

    /// How much longer a record is with it.
    var memberBytes: Int { Attestation.name.utf8CodeUnitCount + buffer.count - Attestation.listStart }

    /// The hash of the leaf.
    func end(_ fingerprint: TreeHash, _ salt: Span<UInt8>) -> TreeHash {
        buffer.set(salt, at: 1)
        fingerprint.setHex(in: buffer, at: fingerprintPlace)
        return buffer.withBytes(0..<buffer.count) { TreeHash.of($0) }
    }

    func insert(in record: RecordBuffer, at place: Int) {
        buffer.withBytes(Attestation.listStart..<buffer.count) { record.insert(Attestation.name, $0, at: place) }
    }

    // MARK: Reading

    /// Whether a list states this fingerprint for the record itself: nothing within a text can be taken for the member,
    /// since a quotation mark stands behind a backslash there.
    static func states(_ fingerprint: TreeHash, in list: Span<UInt8>) -> Bool {
        let name = hashBegin.withUTF8Buffer { unsafe Array($0) }
        var place = 0
        while place + name.count + digits <= list.count {
            guard list.extracting(place..<(place + name.count)).isEqual(to: name) else {
                place += 1
                continue
            }
            let start = place + name.count
            return list.extracting(start..<(start + digits)).isEqual(to: Array(fingerprint.hex.utf8))
        }
        return false
    }

    /// Where the list lies in a record's text, and its member with the comma before; nil for what is no record. It is
    /// looked for where it stands in the record itself, so that nothing within a member can pass for it.
    static func places(in text: Span<UInt8>) -> (list: Range<Int>, member: Range<Int>)? {
        guard !text.isEmpty, text[0] == 0x7B else { return nil }
        let name = name.withUTF8Buffer { unsafe Array($0) }
        var place = 1
        while let comma = memberEnd(text, from: place), text[comma] == 0x2C {
            let end = comma + name.count
            place = comma + 1
            guard end < text.count, text.extracting(comma..<end).isEqual(to: name) else { continue }
            return memberEnd(text, from: place).map { (end..<$0, comma..<$0) }
        }
        return nil
    }

    /// The comma or brace behind a member of the object itself.
    private static func memberEnd(_ text: Span<UInt8>, from start: Int) -> Int? {
        var index = start
        var depth = 0
        while index < text.count {
            switch text[index] {
            case 0x22:
                index &+= 1
                while index < text.count, text[index] != 0x22 { index &+= text[index] == 0x5C ? 2 : 1 }
            case 0x5B, 0x7B: depth &+= 1
            case 0x2C where depth == 0: return index
            case 0x5D, 0x7D:
                if depth == 0 { return index }
                depth &-= 1
            default: break
            }
            index &+= 1
        }
        return nil
    }
}

extension Span<UInt8> {
    fileprivate func isEqual(to bytes: [UInt8]) -> Bool {
        guard count == bytes.count else { return false }
        for index in indices where self[index] != bytes[index] { return false }
        return true
    }
}

/// What proves a record: its fingerprint is of its text without the attestation, and its leaf of that, which has the
/// fingerprint. Each byte is hashed once.
struct RecordHashes: Equatable {
    var leaf: TreeHash
    var fingerprint: TreeHash

    init(leaf: TreeHash, fingerprint: TreeHash) {
        self.leaf = leaf
        self.fingerprint = fingerprint
    }

    /// Of what was written; nil for what is no record, or states another fingerprint than it has.
    init?(salt: Span<UInt8>, text: Span<UInt8>) {
        guard let (list, member) = Attestation.places(in: text) else { return nil }
        let (bare, entry) = (RecordBuffer(capacity: text.count), RecordBuffer(capacity: text.count))
        bare.append(text.extracting(..<member.lowerBound))
        bare.append(text.extracting(member.upperBound...))
        fingerprint = bare.withBytes(0..<bare.count) { TreeHash.of($0) }
        guard Attestation.states(fingerprint, in: text.extracting(list)) else { return nil }
        entry.append(0)
        entry.append(salt)
        entry.append(text.extracting(list))
        leaf = entry.withBytes(0..<entry.count) { TreeHash.of($0) }
    }
}
