import GatewayWire

/// Consistent hashing: each endpoint owns points on a ring, in proportion to its weight, and a key belongs to the
/// next point. When an endpoint leaves, only its own keys move.
struct HashRing: Sendable {
    /// Points of an endpoint of weight 1.
    static let pointsPerWeight = 160
    static let pointsMax = 65_536

    private let points: [UInt64]
    private let owners: [Int32]

    var isEmpty: Bool { points.isEmpty }
    var count: Int { points.count }

    /// `names` are the endpoints' stable names; `weights` count in `unit`s.
    init(names: [[UInt8]], weights: [Int], unit: Int) {
        // Halving (rather than dividing by a sum) keeps the points where they are when an endpoint comes or goes.
        let total = weights.reduce(0, +)
        var scale = Self.pointsPerWeight
        while scale > 1, total / max(unit, 1) * scale > Self.pointsMax { scale /= 2 }
        var pairs: [(point: UInt64, owner: Int32)] = []
        for (owner, name) in names.enumerated() where weights[owner] > 0 {
            let count = max(1, min(weights[owner] * scale / max(unit, 1), Self.pointsMax))
            let seed = KeyHash.hash(name)
            for replica in 0..<count {
                pairs.append((KeyHash.mix(seed &+ UInt64(replica) &* 0x9E37_79B9_7F4A_7C15), Int32(owner)))
            }
        }
        pairs.sort { ($0.point, $0.owner) < ($1.point, $1.owner) }
        points = pairs.map(\.point)
        owners = pairs.map(\.owner)
    }

    /// The first owner at or after `hash` that `accepts`; nil when none does within one turn.
    func owner(of hash: UInt64, where accepts: (Int) -> Bool) -> Int? {
        guard !points.isEmpty else { return nil }
        var low = 0
        var high = points.count
        while low < high {
            let middle = (low + high) / 2
            if points[middle] < hash { low = middle + 1 } else { high = middle }
        }
        var last: Int32 = -1
        for step in 0..<points.count {
            let position = low + step
            let owner = owners[position < points.count ? position : position - points.count]
            // A refused owner often has the next point too.
            guard owner != last else { continue }
            if accepts(Int(owner)) { return Int(owner) }
            last = owner
        }
        return nil
    }
}

/// The hash of balancing keys: fast, stable over restarts and replicas, not against attackers (who could at most
/// send their own requests to one endpoint, where the load bound stops them).
enum KeyHash {
    static func hash(_ bytes: [UInt8]) -> UInt64 { Hash64.of(bytes.span) }

    /// The hash of a part of `bytes`, the same as that of the part alone.
    static func hash(_ bytes: [UInt8], _ range: Range<Int>) -> UInt64 { Hash64.of(bytes.span.extracting(range)) }

    /// Spreads every input bit over the whole word.
    static func mix(_ value: UInt64) -> UInt64 {
        var word = value
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}
