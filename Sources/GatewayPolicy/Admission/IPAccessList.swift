package import GatewayModel
package import GatewayWire

/// Who may come in by address. Deny wins over allow; with any allow entry, everyone else is refused.
///
/// One set look-up per prefix length in use, so ten thousand entries cost as much as ten.
package struct IPAccessList: Sendable {
    /// Entries at most, over both lists.
    package static let entriesMax = 100_000

    private var allowed = PrefixSet()
    private var denied = PrefixSet()

    package init() {}

    /// Parses addresses (`192.0.2.1`, `2001:db8::1`) and prefixes (`10.0.0.0/8`). Throws `invalidValue` for
    /// anything else, also for a prefix with bits below its length: one of the two was meant differently.
    package init(allow: [String], deny: [String]) throws(GatewayError) {
        guard allow.count + deny.count <= IPAccessList.entriesMax else {
            throw GatewayError(.tooLarge, "an access list has more than \(IPAccessList.entriesMax) entries")
        }
        for text in allow { allowed.insert(try AddressPrefix(parsing: text)) }
        for text in deny { denied.insert(try AddressPrefix(parsing: text)) }
    }

    package var isEmpty: Bool { allowed.isEmpty && denied.isEmpty }

    /// Whether the address may come in. An IPv4 address inside IPv6 (RFC 4291, 2.5.5.2) is judged as IPv4.
    package func allows(_ address: IPAddress) -> Bool {
        let address = address.unmapped
        if !denied.isEmpty, denied.contains(address) { return false }
        return allowed.isEmpty || allowed.contains(address)
    }

    /// The verdict on an address, with the rule that is to be named.
    package func verdict(_ address: IPAddress, rule: String) -> Verdict {
        allows(address)
            ? Verdict(.allow, rule: rule) : .deny(rule: rule, reason: "the client address is not allowed")
    }
}

/// An address and how many of its leading bits count.
struct AddressPrefix: Hashable, Sendable {
    var address: IPAddress
    var bits: Int

    init(parsing text: String) throws(GatewayError) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard let first = parts.first, let address = IPAddress(String(first)) else {
            throw GatewayError(
                .invalidValue, "not an address or prefix: \(text)", hint: "write 192.0.2.7 or 10.0.0.0/8")
        }
        let width = address.family == .v4 ? 32 : 128
        var bits = width
        if parts.count == 2 {
            let digits = parts[1].utf8
            guard (1...3).contains(digits.count), digits.allSatisfy({ (0x30...0x39).contains($0) }),
                digits.count == 1 || digits.first != 0x30, let length = Int(parts[1]), length <= width
            else { throw GatewayError(.invalidValue, "the prefix length is not 0 to \(width) in \(text)") }
            bits = length
        }
        let masked = address.masked(bits)
        guard masked == address else {
            throw GatewayError(
                .invalidValue, "the address has bits set beyond its prefix length: \(text)",
                hint: "leave out the length for one address, or clear the bits for the whole prefix")
        }
        if address.isMapped, bits >= 96 {
            (self.address, self.bits) = (address.unmapped, bits - 96)
        } else {
            (self.address, self.bits) = (address, bits)
        }
    }
}

/// Prefixes by their length.
struct PrefixSet: Sendable {
    private var groups: [(family: IPAddress.Family, bits: Int, members: Set<IPAddress>)] = []

    var isEmpty: Bool { groups.isEmpty }

    mutating func insert(_ prefix: AddressPrefix) {
        let family = prefix.address.family
        if let index = groups.firstIndex(where: { $0.family == family && $0.bits == prefix.bits }) {
            groups[index].members.insert(prefix.address)
        } else {
            groups.append((family, prefix.bits, [prefix.address]))
        }
    }

    func contains(_ address: IPAddress) -> Bool {
        for group in groups where group.family == address.family {
            if group.members.contains(address.masked(group.bits)) { return true }
        }
        return false
    }
}

extension IPAddress {
    /// The address with all but its first `bits` bits cleared.
    func masked(_ bits: Int) -> IPAddress {
        if family == .v4 {
            return IPAddress(v4: bits <= 0 ? 0 : UInt32(truncatingIfNeeded: low) & (UInt32.max << UInt32(32 - bits)))
        }
        let highMask = bits <= 0 ? 0 : UInt64.max << UInt64(64 - min(bits, 64))
        let lowMask = bits <= 64 ? 0 : UInt64.max << UInt64(128 - bits)
        return IPAddress(v6High: high & highMask, low: low & lowMask)
    }

    /// Whether it is an IPv4 address written as `::ffff:192.0.2.1`.
    var isMapped: Bool { family == .v6 && high == 0 && low >> 32 == 0xFFFF }

    var unmapped: IPAddress { isMapped ? IPAddress(v4: UInt32(truncatingIfNeeded: low)) : self }
}
