import GatewayModel
import Testing

@testable import GatewayProxy

@Suite("The live state of backends outlives snapshots")
struct EndpointDirectoryTests {
    @Test("A reload keeps endpoints, with their health, and takes over weights and additions")
    func reload() throws {
        let fixture = UpstreamFixture()
        let before = UpstreamFixture.backend([1, 1])
        fixture.directory.update(for: UpstreamFixture.snapshot([before]))
        let old = fixture.directory.endpoints(of: before).endpoints
        old[0].isHealthy = false
        old[1].beginRequest()
        let after = UpstreamFixture.backend([1, 5, 1])
        fixture.directory.update(for: UpstreamFixture.snapshot([after]))
        let new = fixture.directory.endpoints(of: after).endpoints
        #expect(new.count == 3)
        #expect(new[0] === old[0])
        #expect(new[1] === old[1])
        #expect(!new[0].isHealthy)
        #expect(new[1].inFlight == 1)
        #expect(new[1].weight == 5)
        // The first ones had nobody to warm up beside.
        #expect(new.map { $0.warmSinceNanoseconds > 0 } == [false, false, true])
        // A request on the old snapshot sees the same live endpoints.
        #expect(fixture.directory.endpoints(of: before) === fixture.directory.endpoints(of: after))
    }

    @Test("Nothing new means the same set")
    func unchanged() {
        let fixture = UpstreamFixture()
        let first = UpstreamFixture.backend([1, 2], loadBalancing: .consistentHash(.path))
        let again = UpstreamFixture.backend([1, 2], loadBalancing: .consistentHash(.path))
        fixture.directory.update(for: UpstreamFixture.snapshot([first]))
        let set = fixture.directory.endpoints(of: first)
        fixture.directory.update(for: UpstreamFixture.snapshot([again]))
        #expect(fixture.directory.endpoints(of: again) === set)
        let otherwise = UpstreamFixture.backend([1, 2])
        fixture.directory.update(for: UpstreamFixture.snapshot([otherwise]))
        #expect(fixture.directory.endpoints(of: otherwise).ring.isEmpty)
    }

    @Test("Another transport means other endpoints, and so other pools")
    func transport() {
        let fixture = UpstreamFixture()
        let specs = [EndpointSpec(host: "10.0.0.1", port: 80)]
        let plain = UpstreamFixture.backend(specs: specs)
        let multiplexed = UpstreamFixture.backend(specs: specs, transport: UpstreamTransport(http: .http2))
        let left = fixture.directory.endpoints(of: plain).endpoints[0]
        let right = fixture.directory.endpoints(of: multiplexed).endpoints[0]
        #expect(left !== right)
        #expect(left.index != right.index)
    }

    @Test("A number is used again only when its endpoint is gone")
    func numbers() {
        let fixture = UpstreamFixture()
        var backend: CompiledBackend? = UpstreamFixture.backend([1, 1])
        var kept: Endpoint?
        if let backend {
            fixture.directory.update(for: UpstreamFixture.snapshot([backend]))
            kept = fixture.directory.endpoints(of: backend).endpoints[0]
            #expect(fixture.directory.endpoints(of: backend).endpoints.map(\.index) == [0, 1])
        }
        backend = nil
        fixture.directory.update(for: UpstreamFixture.snapshot([]))
        let other = UpstreamFixture.backend(
            specs: [EndpointSpec(host: "10.0.0.9", port: 1), EndpointSpec(host: "10.0.0.9", port: 2)], name: "other")
        #expect(fixture.directory.endpoints(of: other).endpoints.map(\.index) == [1, 2])
        #expect(kept?.index == 0)
        #expect(backend == nil)
    }

    @Test("A backend is given no more than requestsMax at once, over all its endpoints")
    func requestsMax() {
        let fixture = UpstreamFixture()
        let backend = UpstreamFixture.backend([1, 1], requestsMax: 2)
        let endpoints = fixture.directory.endpoints(of: backend).endpoints
        #expect(fixture.directory.admits(backend))
        for endpoint in endpoints { endpoint.beginRequest() }
        #expect(!fixture.directory.admits(backend))
        endpoints[0].endRequest()
        #expect(fixture.directory.admits(backend))
    }

    @Test(
        "Addresses are written as records want them", arguments: [("127.0.0.1", "127.0.0.1:80"), ("::1", "[::1]:80")])
    func addressText(_ host: String, _ text: String) {
        let fixture = UpstreamFixture()
        let backend = UpstreamFixture.backend(specs: [EndpointSpec(host: host, port: 80)])
        let endpoint = fixture.directory.endpoints(of: backend).endpoints[0]
        #expect(endpoint.addressText == text)
        #expect(endpoint.isLiteralAddress)
        #expect(endpoint.authority == text)
    }

    @Test("Session tags are secret: another secret, backend or endpoint has another tag")
    func tags() {
        let backend = UpstreamFixture.backend([1, 1])
        let twin = UpstreamFixture.backend([1, 1])
        let other = UpstreamFixture.backend([1, 1])
        let tags = UpstreamFixture(secret: "one").directory.endpoints(of: backend).endpoints.map(\.sessionTag)
        let again = UpstreamFixture(secret: "one").directory.endpoints(of: twin).endpoints.map(\.sessionTag)
        let others = UpstreamFixture(secret: "two").directory.endpoints(of: other).endpoints.map(\.sessionTag)
        #expect(tags == again)
        #expect(Set(tags + others).count == 4)
        #expect(tags.allSatisfy { $0.count == 32 })
    }

    @Test("Hedging is off by default and only ever repeats what may be repeated")
    func hedging() {
        let facts = HedgePolicy.Facts(
            isIdempotent: true, isReplayable: true, underWay: 1, startedNanoseconds: 100, endpointCount: 2)
        let policy = HedgePolicy(delayNanoseconds: 50)
        #expect(HedgePolicy.off.decide(facts, now: 10_000) == .never)
        #expect(policy.decide(facts, now: 120) == .at(nanoseconds: 150))
        #expect(policy.decide(facts, now: 150) == .now)
        let changes: [(inout HedgePolicy.Facts) -> Void] = [
            { $0.isIdempotent = false }, { $0.isReplayable = false }, { $0.underWay = 2 }, { $0.endpointCount = 1 },
        ]
        for change in changes {
            var other = facts
            change(&other)
            #expect(policy.decide(other, now: 150) == .never)
        }
    }
}
