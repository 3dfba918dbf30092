/// Whom we believe about where a request came from. Without trust the peer of the socket is the client, whatever
/// fields say.
package struct ForwardedTrust: Sendable, Equatable {
    /// Which field names the chain of addresses. Only one is believed: a proxy that keeps one of them up to date
    /// passes the other on as the client made it up.
    package enum Source: Sendable { case xForwardedFor, forwarded }

    /// How many proxies stand in front of us, the peer of the socket being the first.
    package var hops: Int
    /// Where those proxies connect from; empty means any address.
    package var sources: CIDRSet
    /// Proxies known by address, in addition.
    package var networks: CIDRSet
    package var source: Source

    package init(
        hops: Int = 0, sources: CIDRSet = CIDRSet(), networks: CIDRSet = CIDRSet(), source: Source = .xForwardedFor
    ) {
        self.hops = hops
        self.sources = sources
        self.networks = networks
        self.source = source
    }

    /// Whether what the peer says about earlier hops counts.
    package func trusts(_ peer: IPAddress) -> Bool { isTrusted(peer, step: 0) }

    private func isTrusted(_ address: IPAddress, step: Int) -> Bool {
        step < hops && (sources.isEmpty || sources.contains(address)) || networks.contains(address)
    }

    /// The client: the first address from the right that no trusted proxy vouches for the next one of. An entry that
    /// is no address (`unknown`, `_hidden`, garbage) ends the walk.
    package func client(peer: IPAddress, fields: borrowing FieldBlock) -> IPAddress {
        guard trusts(peer) else { return peer.unmapped }
        let name: FieldName = source == .xForwardedFor ? .xForwardedFor : .forwarded
        let bytes = fields.bytes.span
        var current = peer
        var step = 0
        for index in fields.entries.indices.reversed() where fields.entries[index].known == name {
            var elements = ReverseElements(fields.entries[index].value.range)
            while let element = elements.next(bytes) {
                guard isTrusted(current, step: step) else { return current.unmapped }
                guard let next = address(bytes, element) else { return current.unmapped }
                current = next
                step += 1
            }
        }
        return current.unmapped
    }

    private func address(_ bytes: Span<UInt8>, _ range: Range<Int>) -> IPAddress? {
        switch source {
        case .xForwardedFor: ForwardedTrust.node(bytes, range)
        case .forwarded: forwardedFor(bytes, range)
        }
    }

    /// The address of the `for` parameter of one `Forwarded` element (RFC 7239 section 4).
    private func forwardedFor(_ bytes: Span<UInt8>, _ range: Range<Int>) -> IPAddress? {
        var start = range.lowerBound
        while start < range.upperBound {
            var stop = start
            while stop < range.upperBound, bytes[stop] != Byte.semicolon { stop += 1 }
            var first = start
            while first < stop, bytes[first] == Byte.space || bytes[first] == Byte.tab { first += 1 }
            if Token.hasPrefix(bytes, first..<stop, "for=") {
                var value = (first + 4)..<stop
                while !value.isEmpty, bytes[value.upperBound - 1] == Byte.space { value = value.dropLast() }
                if value.count >= 2, bytes[value.lowerBound] == Byte.quote, bytes[value.upperBound - 1] == Byte.quote {
                    value = (value.lowerBound + 1)..<(value.upperBound - 1)
                }
                return ForwardedTrust.node(bytes, value)
            }
            start = stop + 1
        }
        return nil
    }

    /// An address with or without a port: `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`.
    static func node(_ bytes: Span<UInt8>, _ range: Range<Int>) -> IPAddress? {
        guard range.count >= 2, range.count <= 64 else { return nil }
        if bytes[range.lowerBound] == Byte.openBracket {
            var end = range.lowerBound
            while end < range.upperBound, bytes[end] != Byte.closeBracket { end += 1 }
            guard end < range.upperBound, isPort(bytes, (end + 1)..<range.upperBound) else { return nil }
            return IPAddress(ipv6: bytes.extracting((range.lowerBound + 1)..<end))
        }
        var colon = range.lowerBound
        while colon < range.upperBound, bytes[colon] != Byte.colon { colon += 1 }
        if let four = IPAddress(ipv4: bytes.extracting(range.lowerBound..<colon)) {
            return isPort(bytes, colon..<range.upperBound) ? four : nil
        }
        return IPAddress(ipv6: bytes.extracting(range))
    }

    private static func isPort(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Bool {
        if range.isEmpty { return true }
        guard bytes[range.lowerBound] == Byte.colon, range.count > 1, range.count <= 6 else { return false }
        for index in (range.lowerBound + 1)..<range.upperBound where !Byte.isDigit(bytes[index]) { return false }
        return true
    }
}

/// The elements of a comma-separated list from the right, without white space around them; empty ones are skipped.
struct ReverseElements {
    private let start: Int
    private var end: Int

    init(_ range: Range<Int>) {
        start = range.lowerBound
        end = range.upperBound
    }

    mutating func next(_ bytes: Span<UInt8>) -> Range<Int>? {
        while end > start {
            var stop = end
            var first = end
            while first > start, bytes[first - 1] != Byte.comma { first -= 1 }
            end = max(start, first - 1)
            while first < stop, bytes[first] == Byte.space || bytes[first] == Byte.tab { first += 1 }
            while stop > first, bytes[stop - 1] == Byte.space || bytes[stop - 1] == Byte.tab { stop -= 1 }
            if first < stop { return first..<stop }
        }
        return nil
    }
}
