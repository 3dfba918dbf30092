import GatewayModel
import GatewayWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

private let get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n"
private let ok = "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"

@Suite("A mirrored copy goes its own way", .timeLimit(.minutes(1)))
struct MirrorTests {
    private let mirror = ProxyRig.backend("Backend/default/mirror")

    /// The mirror's connection is opened first, the route's own after it.
    private func rig() -> ProxyRig {
        ProxyRig(action: ProxyRig.forward(ProxyRig.backend()), mirrors: [Mirror(backend: mirror)])
    }

    private func inFlight(_ rig: ProxyRig) -> Int { rig.directory.live(of: mirror).load.inFlight }

    @Test("an answer to the copy that comes first touches no other request")
    func answersFirst() throws {
        let rig = rig()
        let (first, second) = (try rig.client(), try rig.client())
        first.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc")
        #expect(rig.backends.count == 2)
        rig.backends[0].send(ok)
        #expect(inFlight(rig) == 0)
        second.send(get)
        let own = try #require(rig.backends.last { $0.received.hasPrefix("GET") })
        first.send("xyz")
        #expect(rig.backends.allSatisfy { !$0.received.hasPrefix("GET") || !$0.received.contains("xyz") })
        rig.backends[1].send(ok)
        #expect(first.statuses == [200])
        own.send(ok)
        #expect(second.statuses == [200], "not aborted by the end of the first")
    }

    @Test("a copy that cannot begin does not outlive its failure")
    func failsAtOnce() throws {
        let empty = CompiledBackend(name: "Backend/default/none", metricSlot: 0, endpoints: [])
        let rig = ProxyRig(action: ProxyRig.forward(ProxyRig.backend()), mirrors: [Mirror(backend: empty)])
        let client = try rig.client()
        client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc")
        client.send("def")
        rig.backends.first?.send(ok)
        #expect(client.statuses == [200])
    }

    @Test("a copy that has the whole request may be slower than the request itself")
    func isSlower() throws {
        let rig = rig()
        rig.connectsAtOnce = false
        let client = try rig.client()
        client.send(get)
        #expect(rig.attempts.count == 2)
        rig.answerAttempt()
        rig.answerAttempt()
        rig.backends[1].send(ok)
        #expect(client.statuses == [200])
        #expect(rig.backends[0].received.hasPrefix("GET / HTTP/1.1"))
        #expect(rig.backends[0].isOpen)
        client.close()
        rig.backends[0].send(ok)
        #expect(inFlight(rig) == 0)
    }

    @Test("a copy gets all of a chunked body, to its end")
    func chunked() throws {
        let rig = rig()
        let client = try rig.client()
        client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n")
        client.send("0\r\n\r\n")
        for backend in rig.backends { #expect(backend.received.hasSuffix("3\r\nabc\r\n0\r\n\r\n")) }
    }

    @Test("a copy that is answered early still gets its whole body, and its connection is clean for the next")
    func answersEarly() throws {
        let rig = rig()
        let client = try rig.client()
        client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc")
        rig.backends[0].send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n")
        client.send("xyz")
        #expect(rig.backends[0].received.hasSuffix("\r\n\r\nabcxyz"))
        rig.backends[0].send("ok")
        rig.backends[1].send(ok)
        #expect(client.statuses == [200])
        #expect(inFlight(rig) == 0)
        // The next request uses both connections again, and its head is the first thing on them.
        for backend in rig.backends { backend.forget() }
        client.send(get)
        #expect(rig.backends.count == 2)
        for backend in rig.backends { #expect(backend.received.hasPrefix("GET / HTTP/1.1\r\n")) }
    }

    @Test("a copy whose answer ends before its body is through takes its connection with it")
    func endsEarly() throws {
        let rig = rig()
        let client = try rig.client()
        client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc")
        rig.backends[0].send(ok)
        #expect(!rig.backends[0].isOpen)
        client.send("xyz")
        rig.backends[1].send(ok)
        #expect(client.statuses == [200])
    }

    @Test("half a copy is given up with its request")
    func isGivenUp() throws {
        let rig = rig()
        let client = try rig.client()
        client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 6\r\n\r\nabc")
        client.close()
        #expect(!rig.backends[0].isOpen && !rig.backends[1].isOpen)
        #expect(inFlight(rig) == 0)
    }

    @Test("a copy is not repeated and never becomes a tunnel")
    func isPlain() throws {
        let retry = RetryPolicy(attemptsMax: 3, statuses: [503], backoffBaseNanoseconds: 0)
        let rig = ProxyRig(
            action: ProxyRig.forward(ProxyRig.backend()), retry: retry, mirrors: [Mirror(backend: mirror)])
        let client = try rig.client()
        client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
        #expect(!rig.backends[0].received.lowercased().contains("upgrade"))
        rig.backends[0].send("HTTP/1.1 503 No\r\ncontent-length: 0\r\n\r\n")
        #expect(rig.backends.count == 2)
        #expect(client.statuses.isEmpty)
        #expect(inFlight(rig) == 0)
    }
}
