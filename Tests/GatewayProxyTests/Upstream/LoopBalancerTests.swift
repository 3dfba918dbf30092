import Testing

@testable import GatewayProxy

@Suite("A loop chooses endpoints")
struct LoopBalancerTests {
    @Test("Weighted round robin is exact over rounds")
    func roundRobin() throws {
        let fixture = UpstreamFixture()
        let balancer = fixture.balancer(UpstreamFixture.backend([3, 1, 2]))
        var counts: [String: Int] = [:]
        for _ in 0..<60 { counts[try #require(balancer.nextInRound(avoid: [])).host, default: 0] += 1 }
        #expect(counts == ["10.0.0.1": 30, "10.0.0.2": 10, "10.0.0.3": 20])
    }

    @Test("A retry goes elsewhere, and back only when there is no elsewhere")
    func avoidance() throws {
        let fixture = UpstreamFixture()
        let backend = UpstreamFixture.backend([1, 1, 1], loadBalancing: .consistentHash(.path))
        let balancer = fixture.balancer(backend)
        let indices = balancer.set.endpoints.map(\.index)
        var random = FixedRandom(seed: 3)
        for left in indices {
            let avoid = indices.filter { $0 != left }
            for _ in 0..<20 {
                #expect(balancer.nextInRound(avoid: avoid)?.index == left)
                #expect(balancer.random(random.next(), avoid: avoid)?.index == left)
                #expect(balancer.lessBusy(random.next(), random.next(), avoid: avoid)?.index == left)
                #expect(balancer.owner(of: random.next(), avoid: avoid)?.index == left)
            }
        }
        #expect(balancer.nextInRound(avoid: indices) != nil)
        #expect(balancer.random(random.next(), avoid: indices) != nil)
        #expect(balancer.lessBusy(random.next(), random.next(), avoid: indices) != nil)
        #expect(balancer.owner(of: random.next(), avoid: indices) != nil)
    }

    @Test("Nothing to choose from is nil, for every strategy")
    func empty() {
        let fixture = UpstreamFixture()
        let balancer = fixture.balancer(UpstreamFixture.backend([]))
        #expect(balancer.nextInRound(avoid: []) == nil)
        #expect(balancer.random(1, avoid: []) == nil)
        #expect(balancer.lessBusy(1, 2, avoid: []) == nil)
        #expect(balancer.owner(of: 1, avoid: []) == nil)
    }

    @Test("Of two the less busy is taken, so that a slow endpoint is spared")
    func leastRequest() throws {
        let fixture = UpstreamFixture()
        let balancer = fixture.balancer(UpstreamFixture.backend([1, 1], loadBalancing: .leastRequest))
        let slow = balancer.set.endpoints[0]
        for _ in 0..<5 { slow.beginRequest() }
        var random = FixedRandom(seed: 5)
        for _ in 0..<200 {
            #expect(balancer.lessBusy(random.next(), random.next(), avoid: []) === balancer.set.endpoints[1])
        }
        for _ in 0..<5 { slow.endRequest() }
        #expect(slow.inFlight == 0)
        #expect(balancer.backend.load.inFlight == 0)
    }

    @Test("At rest least request follows weights, and under load work is shared by weight")
    func leastRequestWeights() throws {
        let fixture = UpstreamFixture()
        let balancer = fixture.balancer(UpstreamFixture.backend([1, 4], loadBalancing: .leastRequest))
        var random = FixedRandom(seed: 17)
        var counts = [0, 0]
        for _ in 0..<10_000 {
            let endpoint = try #require(balancer.lessBusy(random.next(), random.next(), avoid: []))
            counts[endpoint === balancer.set.endpoints[0] ? 0 : 1] += 1
        }
        #expect(abs(counts[0] - 2_000) < 200)
        for _ in 0..<500 { try #require(balancer.lessBusy(random.next(), random.next(), avoid: [])).beginRequest() }
        #expect(abs(balancer.set.endpoints[0].inFlight - 100) < 20)
    }

    @Test("A key stays with its owner until the owner has too much")
    func boundedHash() throws {
        let fixture = UpstreamFixture()
        let balancer = fixture.balancer(UpstreamFixture.backend([1, 1, 1, 1], loadBalancing: .consistentHash(.path)))
        let hash = KeyHash.hash(Array("/hot".utf8))
        let owner = try #require(balancer.owner(of: hash, avoid: []))
        for _ in 0..<10 { #expect(balancer.owner(of: hash, avoid: []) === owner) }
        for _ in 0..<100 { try #require(balancer.owner(of: hash, avoid: [])).beginRequest() }
        // All 100 have the same key; bounded loads spread them.
        for endpoint in balancer.set.endpoints { #expect(endpoint.inFlight <= 32) }
        #expect(owner.inFlight >= 25)
    }

    @Test("What is ejected or ill is skipped at once, and taken again when its time is over")
    func healthChanges() throws {
        let fixture = UpstreamFixture()
        let second = UpstreamFixture.second
        let backend = UpstreamFixture.backend([1, 1], outlier: OutlierPolicy(consecutiveFailures: 2))
        let balancer = fixture.balancer(backend, now: second)
        let bad = balancer.set.endpoints[0]
        for _ in 0..<2 { fixture.directory.report(.reset, endpoint: bad, of: backend, now: second) }
        balancer.refresh(slowStart: 0, now: second)
        for _ in 0..<4 { #expect(balancer.nextInRound(avoid: []) !== bad) }
        balancer.refresh(slowStart: 0, now: 31 * second)
        #expect((0..<4).contains { _ in balancer.nextInRound(avoid: []) === bad })
    }

    @Test("A session finds its endpoint: also one of weight 0, not one that failed this request")
    func sessions() {
        let fixture = UpstreamFixture()
        let balancer = fixture.balancer(UpstreamFixture.backend([1, 0]))
        for endpoint in balancer.set.endpoints {
            #expect(balancer.endpoint(sessionTag: endpoint.sessionTag, avoid: [], now: 1) === endpoint)
            #expect(balancer.endpoint(sessionTag: endpoint.sessionTag, avoid: [endpoint.index], now: 1) == nil)
        }
        #expect(balancer.endpoint(sessionTag: Array("10.0.0.1:80".utf8), avoid: [], now: 1) == nil)
        #expect((0..<5).allSatisfy { _ in balancer.nextInRound(avoid: []) === balancer.set.endpoints[0] })
    }

    @Test("A loop keeps one balancer per backend")
    func balancers() {
        let fixture = UpstreamFixture()
        var balancers = Balancers()
        let first = fixture.directory.live(of: UpstreamFixture.backend([1]))
        let other = fixture.directory.live(of: UpstreamFixture.backend(specs: [], name: "other"))
        let balancer = balancers.balancer(of: first, start: 0)
        let again = balancers.balancer(of: first, start: 9)
        let another = balancers.balancer(of: other, start: 0)
        #expect(again === balancer)
        #expect(another !== balancer)
        #expect(another.backend === other)
    }
}
