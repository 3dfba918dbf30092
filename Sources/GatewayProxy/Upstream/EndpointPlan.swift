import NIOCore

/// What a look-up of a name has said.
enum NameAnswer: Equatable, Sendable {
    case addresses([SocketAddress])
    /// It has never been resolved, and the first try failed: why.
    case failed(String)
}

/// Which endpoints a configured list and the answers of DNS make: pure, so that it can be tested by tables.
struct EndpointPlan {
    struct Place {
        var key: String
        var host: String
        var address: SocketAddress
        var weight: Int
    }

    /// Addresses used of one name; more would only cost memory.
    static let addressesPerNameMax = 64
    /// Divisible by every number up to 10, so that a weight can be split over that many addresses exactly.
    static let splitUnit = 2520

    private(set) var places: [Place] = []
    /// What one unit of configured weight counts here.
    let unit: Int

    init(specs: [EndpointSpec], answers: [String: NameAnswer]) {
        var resolved: [(spec: EndpointSpec, addresses: [SocketAddress])] = []
        for spec in specs { resolved.append((spec, EndpointPlan.addresses(of: spec, answers: answers))) }
        // A name's weight is shared by its addresses, so that a name with more of them gets no larger share.
        let isSplit = resolved.count > 1 && resolved.contains { $0.addresses.count > 1 }
        unit = isSplit ? Self.splitUnit : 1
        var positions: [String: Int] = [:]
        for (spec, addresses) in resolved {
            for address in addresses {
                let weight = isSplit ? max(spec.weight, 0) * unit / addresses.count : max(spec.weight, 0)
                let key = EndpointPlan.key(spec.host, address)
                if let position = positions[key] {
                    places[position].weight += weight
                } else {
                    positions[key] = places.count
                    places.append(Place(key: key, host: spec.host, address: address, weight: weight))
                }
            }
        }
    }

    private static func addresses(of spec: EndpointSpec, answers: [String: NameAnswer]) -> [SocketAddress] {
        if let address = SocketAddress.literal(spec.host, port: spec.port) { return [address] }
        guard case .addresses(let found) = answers[spec.host] else { return [] }
        return found.prefix(addressesPerNameMax).map { address in
            var address = address
            address.port = spec.port
            return address
        }
    }

    /// The same host and address are the same endpoint, whatever its weight.
    static func key(_ host: String, _ address: SocketAddress) -> String { "\(host) \(address)" }
}
