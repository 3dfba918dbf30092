import GatewayModel
import GatewayPolicy
import GatewayWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

@Suite("Whatever happens in whatever order, an exchange gives everything back", .timeLimit(.minutes(1)))
struct ExchangeScheduleTests {
    @Test("a random life of clients, backends, time and mirrors leaves nothing behind", arguments: UInt64(1)...60)
    func randomSchedule(seed: UInt64) throws {
        let life = try Life(seed: seed)
        for _ in 0..<120 { try life.step() }
        life.end()
        life.check()
    }
}

/// Clients, backends and a mirror, each doing what chance says.
private final class Life {
    var random: FixedRandom
    let rig: ProxyRig
    let limiter = ConcurrencyLimiter()
    let backend: CompiledBackend
    let mirror = ProxyRig.backend("Backend/default/mirror")
    var clients: [HTTP1Client] = []
    var watched: [Watched] = []

    struct Watched {
        weak var connection: HTTP1ServerConnection?
    }

    init(seed: UInt64) throws {
        random = FixedRandom(seed: seed)
        var circuit = CircuitLimits()
        circuit.connectionsMax = seed % 2 == 0 ? 2 : 0
        backend = ProxyRig.backend(endpoints: 2, circuit: circuit)
        var timeouts = RouteTimeouts()
        timeouts.totalNanoseconds = 40_000_000_000
        timeouts.attemptNanoseconds = seed % 3 == 0 ? 7_000_000_000 : 0
        timeouts.idleNanoseconds = 15_000_000_000
        let retry = RetryPolicy(attemptsMax: 2, statuses: [503], backoffMaxNanoseconds: 200_000_000)
        var policy = TrafficRules.none
        policy.concurrency = [ConcurrencyRule(name: "some", key: [], countMax: 5, limiter: limiter)]
        rig = ProxyRig(
            action: ProxyRig.forward(backend), timeouts: timeouts, retry: seed % 5 == 0 ? nil : retry,
            mirrors: seed % 4 == 0 ? [] : [Mirror(backend: mirror)], policy: policy)
        rig.connectsAtOnce = false
    }

    func chance(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    func one<Element>(of list: [Element]) -> Element? { list.isEmpty ? nil : list[chance(list.count)] }

    func step() throws {
        switch chance(20) {
        case 0, 1: try connect()
        case 2...6: one(of: clients)?.send(requests[chance(requests.count)])
        case 7: if chance(4) == 0 { one(of: clients)?.close() }
        case 8...10: rig.answerAttempt(succeeds: chance(5) > 0)
        case 11...16: one(of: rig.backends.filter(\.isOpen))?.send(answers[chance(answers.count)])
        case 17: one(of: rig.backends.filter(\.isOpen))?.close()
        case 18: rig.pass(seconds: UInt64(chance(4)))
        default: rig.loop.run()
        }
        rig.loop.run()
    }

    func connect() throws {
        guard clients.count(where: \.isOpen) < 6 else { return }
        let client = try rig.client()
        clients.append(client)
        watched.append(Watched(connection: client.connection))
    }

    let requests = [
        "GET / HTTP/1.1\r\nhost: a\r\n\r\n", "GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nhost: a\r\n\r\n",
        "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc", "def", "PUT / HTTP/1.1\r\nho",
        "POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", "0\r\n\r\n", "junk\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "HEAD / HTTP/1.1\r\nhost: a\r\n\r\n",
        "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n",
    ]
    let answers = [
        "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nabc", "def",
        "HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n", "HTTP/1.1 503 No\r\nretry-after: 1\r\nx", "bad\r\n\r\n",
        "HTTP/1.1 103 Early\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\nuntil close", "HTTP/1.1 204 None\r\n\r\n",
        "HTTP/1.1 101 Switch\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n", "0\r\n\r\n",
    ]

    /// Everybody goes home.
    func end() {
        for client in clients { client.close() }
        clients.removeAll()
        for _ in 0..<20 where !rig.attempts.isEmpty { rig.answerAttempt(succeeds: false) }
        for backend in rig.backends { backend.close() }
        rig.pass(seconds: 400)
        for _ in 0..<20 where !rig.attempts.isEmpty { rig.answerAttempt(succeeds: false) }
        rig.pass(seconds: 400)
    }

    func check() {
        #expect(rig.directory.live(of: backend).load.inFlight == 0)
        #expect(rig.directory.live(of: mirror).load.inFlight == 0)
        for endpoint in rig.directory.endpoints(of: backend).endpoints { #expect(endpoint.inFlight == 0) }
        // Every permit is back: as many as there are can be taken again.
        let request = RequestHead.test("/")
        let key = FactKey(
            [], request: request, principal: .anonymous,
            place: FactPlace(clientIP: "192.0.2.1", listener: "test", route: "test/route"))
        #expect(limiter.count(key) == 0)
        #expect(rig.worker.connections.isEmpty)
        #expect(rig.worker.pools.count == 0)
        #expect(watched.allSatisfy { $0.connection == nil }, "nothing holds a closed connection")
        var seen: Set<ObjectIdentifier> = []
        var kept: [Exchange] = []
        for _ in 0..<40 {
            let exchange = rig.worker.takeExchange()
            kept.append(exchange)
            #expect(seen.insert(ObjectIdentifier(exchange)).inserted, "given back twice")
            #expect(exchange.state == .idle && exchange.upstream.isNone && exchange.attempt.endpoint == nil)
            #expect(exchange.mirrors.isEmpty && exchange.held.chunks.isEmpty && exchange.rule == nil)
            #expect(exchange.admission.isEmpty)
        }
    }
}
