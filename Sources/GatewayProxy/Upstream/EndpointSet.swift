/// The endpoints of a backend at one moment: immutable, replaced as a whole when a reload or a DNS answer changes it.
package final class EndpointSet: Sendable {
    package let endpoints: [Endpoint]
    /// How much `Endpoint.weight` is one configured unit: more than 1 when a name's weight is split over its addresses.
    let weightUnit: Int
    private let weights: [Int]
    private let isHashed: Bool
    /// For consistent hashing only, else empty.
    let ring: HashRing
    private let positionsByTag: [[UInt8]: Int]

    init(endpoints: [Endpoint], weights: [Int], weightUnit: Int, isHashed: Bool) {
        self.endpoints = endpoints
        self.weightUnit = weightUnit
        self.weights = weights
        self.isHashed = isHashed
        ring =
            isHashed
            ? HashRing(
                names: endpoints.map { Array("\($0.host) \($0.addressText)".utf8) }, weights: weights, unit: weightUnit)
            : HashRing(names: [], weights: [], unit: 1)
        positionsByTag = Dictionary(
            endpoints.enumerated().map { ($0.element.sessionTag, $0.offset) }, uniquingKeysWith: { first, _ in first })
    }

    static let empty = EndpointSet(endpoints: [], weights: [], weightUnit: 1, isHashed: false)

    /// Whether a new set of these would be the same: a reload that changes nothing keeps the ring.
    func isMade(of endpoints: [Endpoint], weights: [Int], weightUnit: Int, isHashed: Bool) -> Bool {
        self.weightUnit == weightUnit && self.isHashed == isHashed && self.weights == weights
            && self.endpoints.elementsEqual(endpoints) { $0 === $1 }
    }

    /// The endpoint a session's tag names.
    func position(sessionTag: [UInt8]) -> Int? { positionsByTag[sessionTag] }
}
