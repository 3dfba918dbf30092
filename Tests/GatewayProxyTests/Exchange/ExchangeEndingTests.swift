import GatewayModel
import GatewayPolicy
import GatewayRecords
import GatewayWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

private let get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n"
private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

@Suite("An exchange is settled once, however it ends", .timeLimit(.minutes(1)))
struct ExchangeEndingTests {
    @Test("a room's late answer does not reach the next request of the connection")
    func staleAnswer() throws {
        let rig = ProxyRig()
        let reader = CollectedBody()
        var exchanges: [Exchange] = []
        rig.serve {
            exchanges.append($0)
            $0.receiveBody(into: reader)
        }
        let first = try rig.client()
        first.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 5\r\n\r\nab")
        first.close()
        #expect(reader.isAborted, "the room is told to let go")
        let stale = try #require(exchanges.first)
        stale.sendHead(framing: .chunked)
        stale.sendBody(ByteBuffer(string: "late"))
        stale.sendEnd()
        stale.respond(status: 200)
        #expect(stale.state == .idle)
        let second = try rig.client()
        second.send(get)
        #expect(second.received.isEmpty)
    }

    @Test("a room hears the end of a request whose body is refused")
    func refusedBody() throws {
        let rig = ProxyRig()
        let reader = CollectedBody()
        rig.serve { $0.receiveBody(into: reader) }
        let client = try rig.client()
        client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\nnot a chunk\r\n")
        #expect(client.statuses == [400])
        #expect(reader.isAborted)
    }

    @Test("a permit is given back", arguments: ["answer", "client", "backend", "timeout"])
    func permit(ending: String) throws {
        let limiter = ConcurrencyLimiter()
        var policy = TrafficRules.none
        policy.concurrency = [ConcurrencyRule(name: "one", key: [], countMax: 1, limiter: limiter)]
        var timeouts = RouteTimeouts()
        timeouts.totalNanoseconds = 5_000_000_000
        let rig = ProxyRig(action: ProxyRig.forward(ProxyRig.backend()), timeouts: timeouts, policy: policy)
        let client = try rig.client()
        client.send(get)
        let second = try rig.client()
        second.send(get)
        #expect(second.statuses.count == 1 && second.statuses != [200], "one at a time")
        let backend = try #require(rig.backends.first)
        switch ending {
        case "answer": backend.send(ok)
        case "client": client.close()
        case "backend": backend.close()
        default: rig.pass(seconds: 6)
        }
        second.send(get)
        #expect(rig.backends.count == 2 || ending == "answer")
        rig.backends.last?.send(ok)
        #expect(second.statuses.last == 200)
    }

    @Test("at the bound of connections, everybody who waits hears that none can be made")
    func allAttemptsFail() throws {
        var circuit = CircuitLimits()
        circuit.connectionsMax = 1
        let rig = ProxyRig(action: ProxyRig.forward(ProxyRig.backend(circuit: circuit)))
        rig.connectsAtOnce = false
        let clients = try (0..<3).map { _ in try rig.client() }
        for client in clients { client.send(get) }
        for _ in clients { rig.answerAttempt(succeeds: false) }
        #expect(clients.map(\.statuses) == [[502], [502], [502]])
        #expect(rig.attempts.isEmpty)
        #expect(rig.worker.pools.count == 0)
    }

    @Test("an attempt that fails before the lease returns is an answer like any other")
    func failsAtOnce() throws {
        let retry = RetryPolicy(attemptsMax: 2, backoffBaseNanoseconds: 0)
        let rig = ProxyRig(action: ProxyRig.forward(ProxyRig.backend(endpoints: 3)), retry: retry)
        var count = 0
        rig.worker.openUpstream = { _, done in
            count += 1
            done(.failure(ConnectFailure(failure: .connectTimedOut)))
        }
        let client = try rig.client()
        client.send(get)
        #expect(client.statuses == [502] || client.statuses == [504])
        #expect(count == 3)
        #expect(rig.worker.takeExchange().attempt.isWaitingInPool == false)
    }

    @Test("a peer that processes nothing is asked a bounded number of times")
    func unprocessed() throws {
        let retry = RetryPolicy(attemptsMax: 2, backoffBaseNanoseconds: 0)
        let rig = ProxyRig(action: ProxyRig.forward(ProxyRig.backend()), retry: retry)
        rig.connectsAtOnce = false
        let client = try rig.client()
        client.send(get)
        let exchange = try #require(client.connection?.exchange)
        var rounds = 0
        while exchange.state == .seeking, rounds < 50 {
            exchange.leavePool()
            exchange.upstreamFailed(.unprocessed)
            rounds += 1
        }
        #expect(rounds <= 4)
        #expect(client.statuses == [502])
    }

    @Test("the clocks of a failed attempt do not run on while the next one waits")
    func backoff() throws {
        var timeouts = RouteTimeouts()
        timeouts.attemptNanoseconds = 2_000_000_000
        let retry = RetryPolicy(
            attemptsMax: 1, backoffBaseNanoseconds: 3_000_000_000, backoffMaxNanoseconds: 3_000_000_000)
        let rig = ProxyRig(action: ProxyRig.forward(ProxyRig.backend()), timeouts: timeouts, retry: retry)
        let client = try rig.client()
        client.send(get)
        rig.backends.first?.close()
        let exchange = try #require(client.connection?.exchange)
        #expect(exchange.state == .seeking || rig.backends.count == 2)
        #expect(exchange.deadline > exchange.attempt.backoffUntil)
        rig.loop.advanceTime(by: .seconds(4))
        #expect(rig.backends.count == 2)
        rig.backends.last?.send(ok)
        #expect(client.statuses == [200])
    }

    @Test("nothing holds a connection and its exchange when both ends are gone", arguments: [true, false])
    func holdsNothing(isAnswered: Bool) throws {
        let rig = ProxyRig(action: ProxyRig.forward(ProxyRig.backend()))
        weak var connection: HTTP1ServerConnection?
        weak var upstream: HTTP1ClientConnection?
        do {
            let client = try rig.client()
            connection = client.connection
            client.send(get)
            let backend = try #require(rig.backends.first)
            upstream = try backend.channel.pipeline.syncOperations.handler(type: HTTP1ClientConnection.self)
            if isAnswered { backend.send(ok) }
            client.close()
            backend.close()
        }
        rig.loop.run()
        #expect(connection == nil)
        #expect(upstream == nil)
        let exchange = rig.worker.takeExchange()
        #expect(exchange.state == .idle && exchange.snapshot === Snapshot.empty && exchange.rule == nil)
    }

    @Test("a worker that is stopped and let go is gone")
    func workerIsGone() throws {
        weak var worker: Worker?
        try {
            let rig = ProxyRig(action: ProxyRig.forward(ProxyRig.backend()))
            worker = rig.worker
            let client = try rig.client()
            client.send(get)
            rig.worker.stop()
            rig.backends.first?.send(ok)
            #expect(client.statuses == [200], "what is leased ends well")
            #expect(rig.backends.first?.isOpen == false, "and is not kept")
            client.close()
        }()
        #expect(worker == nil)
    }
}
