import GatewayModel
import GatewayWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

private let get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n"

@Suite("A backend's HTTP/1 connection", .timeLimit(.minutes(1)))
struct HTTP1ClientConnectionTests {
    /// A rig whose route forwards to one backend, and a client that has asked for something.
    private func asked(
        _ request: String = get, limits: Limits = Limits()
    ) throws -> (
        ProxyRig, HTTP1Client, ProxyRig.Backend
    ) {
        let rig = ProxyRig(limits, action: ProxyRig.forward(ProxyRig.backend()))
        let client = try rig.client()
        client.send(request)
        return (rig, client, try #require(rig.backends.first))
    }

    private func inFlight(_ rig: ProxyRig) -> Int { rig.directory.live(of: ProxyRig.backend()).load.inFlight }

    @Test(
        "an answer cut anywhere arrives in one piece",
        arguments: [
            ("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nx-a: b\r\n\r\nhello", "hello"),
            (
                "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
                "o\r\n0\r\n\r\n"
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", "\r\n\r\n"),
        ])
    func splits(answer: String, end: String) throws {
        let bytes = Array(answer.utf8)
        for cut in 1..<bytes.count {
            let (rig, client, backend) = try asked()
            backend.send(String(decoding: bytes[..<cut], as: UTF8.self))
            backend.send(String(decoding: bytes[cut...], as: UTF8.self))
            #expect(client.statuses.count == 1, "cut at \(cut)")
            #expect(client.received.contains(end), "cut at \(cut)")
            #expect(backend.isOpen && client.isOpen)
            backend.forget()
            client.send(get)
            #expect(rig.backends.count == 1, "the connection is used again")
            #expect(backend.received.hasPrefix("GET / HTTP/1.1\r\n"))
        }
    }

    @Test("interim heads are passed on, and the final one ends it")
    func interim() throws {
        let (_, client, backend) = try asked()
        backend.send("HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 102 P\r\n\r\nHTTP/1.1 200 OK\r\n")
        #expect(client.statuses == [103, 102])
        backend.send("content-length: 0\r\n\r\n")
        #expect(client.statuses == [103, 102, 200])
    }

    @Test("a body without a length ends with its connection")
    func untilClose() throws {
        let (rig, client, backend) = try asked()
        backend.send("HTTP/1.1 200 OK\r\n\r\nabc")
        backend.send("def")
        #expect(!client.received.contains("0\r\n\r\n"))
        backend.close()
        #expect(client.received.hasSuffix("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n"))
        #expect(client.isOpen)
        #expect(inFlight(rig) == 0)
    }

    @Test(
        "bytes after the end of an answer cost the connection, and reach nobody",
        arguments: [
            "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nhiHTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\nx", "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
            "HTTP/1.1 304 Not Modified\r\ncontent-length: 3\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\nmore",
        ])
    func surplus(answer: String) throws {
        let (rig, client, backend) = try asked()
        backend.send(answer)
        #expect(client.statuses.count == 1)
        #expect(!backend.isOpen)
        client.send(get)
        #expect(rig.backends.count == 2)
        rig.backends[1].send("HTTP/1.1 201 OK\r\ncontent-length: 0\r\n\r\n")
        #expect(client.statuses.count == 2 && client.statuses.last == 201)
    }

    @Test("bytes on an idle connection cost it")
    func idleBytes() throws {
        let (rig, client, backend) = try asked()
        backend.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        backend.send("HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nstolen")
        #expect(!backend.isOpen)
        client.send(get)
        #expect(rig.backends.count == 2)
        #expect(client.statuses == [200])
    }

    @Test(
        "what is not an answer is a 502, also after half a head",
        arguments: [
            "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nretry-after: 5\r\nbad line\r\n\r\n",
            "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n", "HTTP/3.0 200 OK\r\n\r\n",
        ])
    func malformed(answer: String) throws {
        let (rig, client, backend) = try asked()
        backend.send(answer)
        #expect(client.statuses == [502])
        #expect(!backend.isOpen && client.isOpen)
        #expect(inFlight(rig) == 0)
    }

    @Test("half a head and then the end is a 502; half a body breaks the answer off", arguments: [true, false])
    func breaksOff(isHead: Bool) throws {
        let (rig, client, backend) = try asked()
        backend.send(
            isHead ? "HTTP/1.1 503 x\r\nretry-after: 9\r\nx" : "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nabc")
        backend.close()
        #expect(client.statuses == [isHead ? 502 : 200])
        #expect(client.isOpen == isHead)
        #expect(inFlight(rig) == 0)
    }

    @Test("half a head and a client that goes leave nothing behind")
    func clientLeaves() throws {
        let (rig, client, backend) = try asked()
        backend.send("HTTP/1.1 503 x\r\nretry-after: 9\r\nx")
        client.close()
        #expect(!backend.isOpen)
        #expect(inFlight(rig) == 0)
        #expect(rig.worker.pools.count == 0, "nothing is left to keep a pool for")
    }

    @Test("an answer before the end of the request is passed on and costs both connections")
    func earlyAnswer() throws {
        let (rig, client, backend) = try asked("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc")
        backend.send("HTTP/1.1 413 Too Large\r\ncontent-length: 0\r\n\r\n")
        #expect(client.statuses == [413])
        #expect(!backend.isOpen && !client.isOpen)
        #expect(inFlight(rig) == 0)
    }

    @Test("a connection found stale is replaced once, without the client's knowing")
    func stale() throws {
        let (rig, client, backend) = try asked()
        backend.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        client.send(get)
        backend.close()
        #expect(rig.backends.count == 2)
        rig.backends[1].send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        #expect(client.statuses == [200, 200])
        client.send(get)
        rig.backends[1].close()
        #expect(rig.backends.count == 3)
        rig.backends[2].close()
        #expect(client.statuses == [200, 200, 502], "a new connection that ends is the backend's fault")
    }

    @Test("an idle connection that the backend ends, or that is idle too long, is gone", arguments: [true, false])
    func idles(isClosed: Bool) throws {
        let (rig, _, backend) = try asked()
        backend.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        weak let handler = try backend.channel.pipeline.syncOperations.handler(type: HTTP1ClientConnection.self)
        #expect(handler != nil)
        if isClosed { backend.close() } else { rig.pass(seconds: 62) }
        rig.loop.run()
        #expect(!backend.isOpen)
        #expect(handler == nil, "nothing holds a closed connection")
        #expect(rig.worker.pools.count == 0)
    }

    @Test("a tunnel carries bytes both ways and ends when either side does", arguments: [true, false])
    func tunnel(backendEnds: Bool) throws {
        let (rig, client, backend) = try asked(
            "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n")
        #expect(backend.received.lowercased().contains("upgrade: echo"))
        backend.forget()
        backend.send("HTTP/1.1 101 Switching\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\nfirst")
        #expect(client.statuses == [101] && client.received.hasSuffix("first"))
        client.send("GET / is not HTTP here")
        #expect(backend.received == "GET / is not HTTP here")
        if backendEnds { backend.close() } else { client.close() }
        rig.loop.run()
        #expect(!client.isOpen && !backend.isOpen)
        #expect(inFlight(rig) == 0)
    }
}
