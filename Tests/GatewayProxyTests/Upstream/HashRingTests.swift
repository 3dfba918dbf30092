import Testing

@testable import GatewayProxy

@Suite("The hash ring keeps keys where they are")
struct HashRingTests {
    private static func names(_ count: Int) -> [[UInt8]] { (0..<count).map { Array("10.0.0.\($0):80".utf8) } }
    private static func key(_ number: Int) -> UInt64 { KeyHash.hash(Array("user-\(number)".utf8)) }

    @Test("When one endpoint leaves, only its keys move, and they are fewer than two in n", arguments: [3, 5, 10, 50])
    func leaving(_ count: Int) {
        let names = Self.names(count)
        let whole = HashRing(names: names, weights: Array(repeating: 1, count: count), unit: 1)
        let gone = count / 2
        var fewer = names
        fewer.remove(at: gone)
        let rest = HashRing(names: fewer, weights: Array(repeating: 1, count: count - 1), unit: 1)
        let keyCount = 20_000
        var moved = 0
        for number in 0..<keyCount {
            let hash = Self.key(number)
            let before = whole.owner(of: hash) { _ in true }.map { names[$0] }
            let after = rest.owner(of: hash) { _ in true }.map { fewer[$0] }
            guard before != after else { continue }
            moved += 1
            #expect(before == names[gone])
        }
        #expect(moved > 0)
        #expect(moved < keyCount * 2 / count)
    }

    @Test("An endpoint that may not be used gives its keys to others and gets them back")
    func refusedOwner() {
        let ring = HashRing(names: Self.names(4), weights: [1, 1, 1, 1], unit: 1)
        var others: Set<Int> = []
        for number in 0..<2_000 {
            let usual = ring.owner(of: Self.key(number)) { _ in true }
            let now = ring.owner(of: Self.key(number)) { $0 != 2 }
            if usual == 2, let now { others.insert(now) } else { #expect(usual == now) }
        }
        // Not all to one neighbour.
        #expect(others == [0, 1, 3])
        #expect(ring.owner(of: 1) { _ in false } == nil)
    }

    @Test("Keys are shared by weight")
    func weights() {
        let ring = HashRing(names: Self.names(3), weights: [1, 2, 5], unit: 1)
        var counts = [0, 0, 0]
        for number in 0..<40_000 {
            if let owner = ring.owner(of: Self.key(number), where: { _ in true }) { counts[owner] += 1 }
        }
        #expect(abs(counts[0] - 5_000) < 1_500)
        #expect(abs(counts[1] - 10_000) < 2_000)
        #expect(abs(counts[2] - 25_000) < 2_500)
    }

    @Test("Weights count in units, so that splitting them moves nothing; 0 owns nothing; the ring is bounded")
    func unitsAndBounds() {
        let plain = HashRing(names: Self.names(3), weights: [1, 2, 0], unit: 1)
        let split = HashRing(names: Self.names(3), weights: [2520, 5040, 0], unit: 2520)
        for number in 0..<1_000 {
            let owner = plain.owner(of: Self.key(number)) { _ in true }
            #expect(owner == split.owner(of: Self.key(number)) { _ in true })
            #expect(owner != 2)
        }
        let heavy = HashRing(names: Self.names(2), weights: [1_000_000, 1_000_000], unit: 1)
        #expect(heavy.count <= 2 * HashRing.pointsMax)
        #expect(HashRing(names: [], weights: [], unit: 1).owner(of: 7) { _ in true } == nil)
    }

    @Test(
        "No endpoint gets more than a quarter above its share",
        arguments: [(0, 0, true), (0, 1, false), (8, 2, true), (8, 3, false), (100, 31, true), (100, 32, false)])
    func loadBound(_ total: Int, _ own: Int, _ admitted: Bool) {
        #expect(LoadBound(totalWeight: 4, inFlight: total).admits(inFlight: own, weight: 1) == admitted)
    }
}
