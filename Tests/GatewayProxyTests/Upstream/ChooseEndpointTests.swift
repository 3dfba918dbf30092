import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

@Suite("An exchange is given an endpoint")
struct ChooseEndpointTests {
    private let fixture: UpstreamFixture
    private let worker: Worker

    init() { self.init(UpstreamFixture()) }

    private init(_ fixture: UpstreamFixture) {
        self.fixture = fixture
        worker = Worker(
            eventLoop: fixture.loop, shared: SharedState(directory: fixture.directory),
            recorder: LoopRecorder(metrics: MetricRegistry().makeLoop(), log: nil))
    }

    private func exchange(
        _ fields: [(String, String)] = [], target: String = "/a?user=7", persistence: CompiledPersistence? = nil
    ) -> Exchange {
        let exchange = worker.takeExchange()
        for (name, value) in fields { exchange.request.fields.append(name, value) }
        let parts = target.split(separator: "?", maxSplits: 1)
        exchange.request.path = exchange.request.fields.store(Array(parts[0].utf8))
        if parts.count > 1 { exchange.request.query = exchange.request.fields.store(Array(parts[1].utf8)) }
        exchange.rule = CompiledRule(
            routeName: "r", ruleIndex: 0, metricSlot: 0, action: .forward([], totalWeight: 0), persistence: persistence)
        return exchange
    }

    private static let four = [1, 1, 1, 1]

    @Test("Every strategy finds one of the backend's endpoints")
    func strategies() {
        let strategies: [GatewayProxy.LoadBalancing] = [
            .roundRobin, .random, .leastRequest, .consistentHash(.clientAddress), .consistentHash(.path),
            .consistentHash(.header(Array("x-user".utf8))), .consistentHash(.cookie(Array("c".utf8))),
            .consistentHash(.query(Array("user".utf8))),
        ]
        for strategy in strategies {
            // Other weights, another backend name: nothing is shared between the strategies.
            let backend = UpstreamFixture.backend(Self.four, loadBalancing: strategy)
            fixture.directory.update(for: UpstreamFixture.snapshot([backend]))
            let endpoints = fixture.directory.endpoints(of: backend).endpoints
            for _ in 0..<8 {
                let chosen = worker.chooseEndpoint(of: backend, for: exchange())
                #expect(endpoints.contains { $0 === chosen })
            }
        }
    }

    @Test("Hashing follows its key and nothing else")
    func hashKeys() {
        func chosen(_ key: GatewayProxy.LoadBalancing.HashKey, _ exchange: Exchange) -> String? {
            worker.chooseEndpoint(
                of: UpstreamFixture.backend(Self.four, loadBalancing: .consistentHash(key)), for: exchange)?.host
        }
        // The live set must have a ring whatever backend object asks.
        let backend = UpstreamFixture.backend(Self.four, loadBalancing: .consistentHash(.path))
        fixture.directory.update(for: UpstreamFixture.snapshot([backend]))
        let header = GatewayProxy.LoadBalancing.HashKey.header(Array("x-user".utf8))
        let cookie = GatewayProxy.LoadBalancing.HashKey.cookie(Array("c".utf8))
        let query = GatewayProxy.LoadBalancing.HashKey.query(Array("user".utf8))
        var seen: [Set<String>] = [[], [], [], []]
        for number in 0..<40 {
            let first = [
                chosen(header, exchange([("x-user", "\(number)")])),
                chosen(cookie, exchange([("cookie", "c=\(number)")])),
                chosen(query, exchange(target: "/a?user=\(number)")), chosen(.path, exchange(target: "/\(number)?x")),
            ]
            let again = [
                chosen(header, exchange([("x-other", "1"), ("x-user", "\(number)")])),
                chosen(cookie, exchange([("cookie", "d=1; c=\(number)")])),
                chosen(query, exchange(target: "/b?z=1&user=\(number)")),
                chosen(.path, exchange(target: "/\(number)?y")),
            ]
            #expect(first == again)
            for (index, host) in first.enumerated() { if let host { seen[index].insert(host) } }
        }
        #expect(seen.allSatisfy { $0.count == 4 })
        // Without the key any will do, and not always the same.
        #expect(Set((0..<60).map { _ in chosen(header, exchange()) }).count > 1)
    }

    @Test("Too many at once is refused by name; so is nothing to choose from")
    func refusals() throws {
        let backend = UpstreamFixture.backend([1], requestsMax: 1)
        let endpoint = try #require(worker.chooseEndpoint(of: backend, for: exchange()))
        endpoint.beginRequest()
        #expect(worker.chooseEndpoint(of: backend, for: exchange()) == nil)
        #expect(worker.refusal(of: backend).code == .circuitOpen)
        endpoint.endRequest()
        #expect(worker.chooseEndpoint(of: backend, for: exchange()) === endpoint)
        let empty = UpstreamFixture.backend(specs: [], name: "empty")
        #expect(worker.chooseEndpoint(of: empty, for: exchange()) == nil)
        #expect(worker.refusal(of: empty).code == .noHealthyEndpoint)
    }

    private static func persistence(
        _ carrier: CompiledPersistence.Carrier, timeout: Int = 0
    ) -> CompiledPersistence {
        CompiledPersistence(carrier: carrier, name: Array("sid".utf8), lifetimeSeconds: 0, timeoutSeconds: timeout)
    }

    @Test("A session comes back to its endpoint, by cookie or header", arguments: [true, false], [0, 3600])
    func sessions(_ byCookie: Bool, _ timeout: Int) throws {
        let backend = UpstreamFixture.backend(Self.four)
        let persistence = Self.persistence(byCookie ? .cookie : .header, timeout: timeout)
        let first = exchange(persistence: persistence)
        let endpoint = try #require(worker.chooseEndpoint(of: backend, for: first))
        first.applySessionCookie()
        let told = first.response.fields.value(named: byCookie ? "set-cookie" : "sid")
        let token = try #require(told?.split(separator: ";").first)
        #expect(!token.contains("10.0.0"))
        for _ in 0..<6 {
            let next = exchange([(byCookie ? "cookie" : "sid", String(token))], persistence: persistence)
            #expect(worker.chooseEndpoint(of: backend, for: next) === endpoint)
            next.applySessionCookie()
            #expect(next.response.fields.isEmpty)
        }
    }

    @Test("A forged or foreign session begins anew, and so does one whose endpoint is ill")
    func brokenSessions() throws {
        let backend = UpstreamFixture.backend([1, 1])
        let persistence = Self.persistence(.header)
        let endpoints = fixture.directory.endpoints(of: backend).endpoints
        for value in ["10.0.0.1:80", String(repeating: "0", count: 32), ""] {
            let forged = exchange([("sid", value)], persistence: persistence)
            #expect(worker.chooseEndpoint(of: backend, for: forged) != nil)
            #expect(forged.attempt.newSession != nil)
        }
        let tag = String(decoding: endpoints[0].sessionTag, as: UTF8.self)
        let good = exchange([("sid", tag)], persistence: persistence)
        #expect(worker.chooseEndpoint(of: backend, for: good) === endpoints[0])
        #expect(good.attempt.newSession == nil)
        // A retry must go elsewhere, and the session with it.
        good.attempt.avoid.append(endpoints[0].index)
        #expect(worker.chooseEndpoint(of: backend, for: good) === endpoints[1])
        #expect(good.attempt.newSession == endpoints[1].sessionTag)
        endpoints[0].isHealthy = false
        fixture.directory.live(of: backend).touch()
        let moved = exchange([("sid", tag)], persistence: persistence)
        #expect(worker.chooseEndpoint(of: backend, for: moved) === endpoints[1])
        #expect(moved.attempt.newSession == endpoints[1].sessionTag)
    }

    @Test("A session outweighs the weights of backends")
    func sessionAmongBackends() {
        let left = UpstreamFixture.backend(specs: [EndpointSpec(host: "10.0.0.1", port: 1)], name: "left")
        let right = UpstreamFixture.backend(specs: [EndpointSpec(host: "10.0.0.1", port: 1)], name: "right")
        let choices = [left, right].map { WeightedBackend(weight: 1, target: .backend($0)) }
        for backend in [left, right] {
            let tag = String(decoding: fixture.directory.endpoints(of: backend).endpoints[0].sessionTag, as: UTF8.self)
            let exchange = exchange([("sid", tag)], persistence: Self.persistence(.header))
            guard case .backend(let chosen) = exchange.sessionChoice(among: choices)?.target else {
                Issue.record("no choice for \(backend.name)")
                continue
            }
            #expect(chosen === backend)
        }
        let stranger = exchange([("sid", String(repeating: "0", count: 32))], persistence: Self.persistence(.header))
        #expect(stranger.sessionChoice(among: choices) == nil)
    }

    @Test("A request waits for the first answer of DNS, and fails when it is a bad one")
    func waiting() {
        let silent = NameLookup { _, eventLoop in
            let promise = eventLoop.makePromise(of: [SocketAddress].self)
            eventLoop.scheduleTask(in: .seconds(2)) { promise.fail(LookupFailure(reason: "no such name")) }
            return promise.futureResult
        }
        let tests = ChooseEndpointTests(UpstreamFixture(lookup: silent))
        let backend = UpstreamFixture.backend(specs: [EndpointSpec(host: "app.test", port: 1)])
        let exchange = tests.exchange()
        exchange.attempt.backend = backend
        exchange.startAttempt()
        #expect(exchange.state == .seeking)
        tests.fixture.loop.advanceTime(by: .seconds(1))
        #expect(exchange.state == .seeking)
        tests.fixture.loop.advanceTime(by: .seconds(1))
        // Answered with an error. It has no client, as a mirrored copy has none, so nobody makes it ready again.
        #expect(exchange.state == .settled)
    }
}

/// `GatewayModel` has a type of the same name: what the configuration says.
private typealias CompiledPersistence = GatewayProxy.SessionPersistence
