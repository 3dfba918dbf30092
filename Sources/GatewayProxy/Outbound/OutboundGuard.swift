package import GatewayModel
package import GatewayWire

/// Keeps requests whose URL a caller has a say in away from ourselves and our neighbours: loopback, link-local (and
/// with it the metadata services of clouds), private, shared, documentation and multicast addresses, and IPv6 forms
/// that carry an IPv4 address. It judges the address that is dialled, after DNS, so a name cannot change its mind.
package struct OutboundGuard: Sendable {
    private static let reserved = CIDRSet(
        [
            "0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12",
            "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4",
            "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
            "3fff::/20", "5f00::/16", "fc00::/7", "fe80::/10", "fec0::/10", "ff00::/8",
        ].compactMap { GatewayWire.CIDR($0) })

    /// What nobody's server of tokens or secrets is at: link-local addresses, the metadata services of clouds
    /// (AWS and Google in IPv6, Alibaba, Azure), what is no single host's, and IPv6 forms that carry an IPv4 address.
    private static let hostless = CIDRSet(
        [
            "0.0.0.0/8", "100.100.100.200/32", "168.63.129.16/32", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4",
            "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2001::/32", "2002::/16", "fd00:ec2::254/128",
            "fd20:ce::254/128", "fe80::/10", "fec0::/10", "ff00::/8",
        ].compactMap { GatewayWire.CIDR($0) })
    private static let loopback = CIDRSet(["::1/128"].compactMap { GatewayWire.CIDR($0) })

    /// Of machines that can be meant.
    package static let hosts = OutboundGuard(refused: hostless, allowed: loopback)

    private let refused: CIDRSet
    private let allowed: CIDRSet

    private init(refused: CIDRSet, allowed: CIDRSet) {
        self.refused = refused
        self.allowed = allowed
    }

    /// `allowing` are blocks that are open all the same. Throws when one is not a block.
    package init(allowing blocks: [String] = []) throws(GatewayError) {
        var allowed: [GatewayWire.CIDR] = []
        for block in blocks {
            guard let block = GatewayWire.CIDR(block) else {
                throw GatewayError(.invalidValue, "not an address block: \(block)")
            }
            allowed.append(block)
        }
        self.init(refused: OutboundGuard.reserved, allowed: CIDRSet(allowed))
    }

    package func permits(_ address: IPAddress) -> Bool {
        allowed.contains(address) || !refused.contains(address)
    }
}
