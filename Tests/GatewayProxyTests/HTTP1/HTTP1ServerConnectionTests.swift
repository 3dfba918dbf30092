import GatewayModel
import GatewayWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

private let get = "GET / HTTP/1.1\r\nhost: a\r\n\r\n"

@Suite("A client's HTTP/1 connection", .timeLimit(.minutes(1)))
struct HTTP1ServerConnectionTests {
    @Test("serves one request after the other, however the bytes are cut", arguments: [1, 2, 7, 1000])
    func keepsAlive(piece: Int) throws {
        let rig = ProxyRig()
        let client = try rig.client()
        let text = get + "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 0\r\n\r\n" + get
        for part in Array(text.utf8).chunked(piece) { client.send(String(decoding: part, as: UTF8.self)) }
        #expect(client.statuses == [200, 200, 200])
        #expect(client.isOpen)
        #expect(client.connection?.exchange == nil, "an idle connection holds no exchange")
    }

    @Test("answers ten thousand pipelined requests in order, at once or later", arguments: [false, true])
    func pipelines(isLater: Bool) throws {
        let rig = ProxyRig()
        rig.serve { exchange in
            let path = exchange.request.fields.copy(exchange.request.path)
            if isLater {
                rig.loop.execute { exchange.respond(status: 200, body: path) }
            } else {
                exchange.respond(status: 200, body: path)
            }
        }
        let client = try rig.client()
        client.send((0..<10_000).map { "GET /\($0); HTTP/1.1\r\nhost: a\r\n\r\n" }.joined())
        let answers = client.received.components(after: "\r\n\r\n/").map { $0.prefix { $0 != ";" } }
        #expect(answers.count == 10_000)
        #expect(answers.elementsEqual((0..<10_000).map { Substring(String($0)) }))
    }

    @Test("bytes that arrive between a pipelined answer and its next request stay behind it")
    func keepsOrder() throws {
        let rig = ProxyRig()
        var waiting: [Exchange] = []
        rig.serve { waiting.append($0) }
        let client = try rig.client()
        client.send("GET /1 HTTP/1.1\r\nhost: a\r\n\r\nGET /2 HTTP/1.1\r\nho")
        waiting.removeFirst().respond(status: 200)
        // Before the loop has turned.
        try client.channel.writeInbound(ByteBuffer(string: "st: a\r\n\r\n"))
        rig.loop.run()
        #expect(waiting.count == 1)
        waiting.removeFirst().respond(status: 201)
        #expect(client.statuses == [200, 201])
    }

    @Test(
        "closes when it was asked to, and says so",
        arguments: [
            ("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n", "connection: close"),
            ("GET / HTTP/1.0\r\n\r\n", "connection: close"),
        ])
    func closes(request: String, field: String) throws {
        let rig = ProxyRig()
        let client = try rig.client()
        client.send(request)
        #expect(client.received.lowercased().contains(field))
        #expect(client.received.hasSuffix("hello"))
        #expect(!client.isOpen)
    }

    @Test("HTTP/1.0 may ask to be kept")
    func keepsOldClients() throws {
        let client = try ProxyRig().client()
        client.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        #expect(client.received.lowercased().contains("connection: keep-alive"))
        #expect(client.isOpen)
    }

    @Test("the last request a connection may serve says that it is the last")
    func countsRequests() throws {
        var limits = Limits()
        limits.requestsPerConnectionMax = 3
        let client = try ProxyRig(limits).client()
        client.send(get + get + get + get)
        #expect(client.statuses == [200, 200, 200])
        #expect(client.received.lowercased().count(of: "connection: close") == 1)
        #expect(!client.isOpen)
    }

    @Test("an answer to HEAD, and 204 and 304, have no body", arguments: [("HEAD", 200), ("GET", 204), ("GET", 304)])
    func isBodyless(method: String, status: Int) throws {
        let rig = ProxyRig()
        rig.serve { $0.respond(status: status, body: Array("body".utf8)) }
        let client = try rig.client()
        client.send("\(method) / HTTP/1.1\r\nhost: a\r\n\r\n")
        #expect(client.statuses == [status])
        #expect(client.received.hasSuffix("\r\n\r\n"))
        #expect(client.received.contains("content-length: 4") == (method == "HEAD"))
        #expect(client.isOpen)
    }

    @Test("fixed answers and refusals of a rule")
    func fixed() throws {
        let respond = try ProxyRig(action: .respond(DirectResponse(status: 418, body: Array("tea".utf8)))).client()
        respond.send(get)
        #expect(respond.statuses == [418] && respond.received.hasSuffix("tea"))
        let refuse = try ProxyRig(action: .refuse(GatewayError(.noBackend, "nothing there"))).client()
        refuse.send(get)
        #expect(refuse.received.contains("nothing there"))
        let redirect = try ProxyRig(
            action: .redirect(
                Redirect(scheme: Array("https".utf8), hostname: nil, path: nil, port: nil, status: 301))
        ).client()
        redirect.send("GET /x?y HTTP/1.1\r\nhost: a\r\n\r\n")
        #expect(redirect.statuses == [301])
        #expect(redirect.received.contains("location: https://a/x?y"))
    }

    @Test("a client that expects 100 is told once to go on")
    func expectsContinue() throws {
        let rig = ProxyRig()
        let body = CollectedBody()
        rig.serve { exchange in
            body.onEnd = { [unowned exchange] in exchange.respond(status: 200) }
            exchange.receiveBody(into: body)
        }
        let client = try rig.client()
        client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n")
        #expect(client.statuses == [100])
        client.send("hi")
        #expect(client.statuses == [100, 200])
        #expect(body.bytes == Array("hi".utf8))
        #expect(client.isOpen)
    }

    @Test("an answer that comes before a long body ends the connection, after a moment for the client to read it")
    func lingers() throws {
        let rig = ProxyRig()
        let client = try rig.client(gated: true)
        client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 65537\r\n\r\n123")
        #expect(client.statuses == [200])
        #expect(client.received.lowercased().contains("connection: close"))
        #expect(client.gate?.isOutputClosed == true)
        #expect(client.isOpen)
        client.send("456789" + get)
        #expect(client.statuses == [200])
        rig.pass(seconds: 2)
        #expect(!client.isOpen)
    }

    @Test("bytes that are not HTTP are answered, and nothing after them is read")
    func refuses() throws {
        let client = try ProxyRig().client(gated: true)
        client.send(get + "BAD\r\n\r\n" + get)
        #expect(client.statuses == [200, 400])
        client.send(get)
        #expect(client.statuses == [200, 400])
        client.finishSending()
        #expect(!client.isOpen)
    }

    @Test("a broken chunk ends the request with 400")
    func refusesChunks() throws {
        let rig = ProxyRig()
        let body = CollectedBody()
        rig.serve { $0.receiveBody(into: body) }
        let client = try rig.client()
        client.send("POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n2\r\nhi\r\nzz\r\n")
        #expect(client.statuses == [400])
        #expect(body.isAborted)
        #expect(!client.isOpen)
    }

    @Test("an answer is out before the connection closes, however slow the client")
    func closesWhenFlushed() throws {
        let rig = ProxyRig()
        let client = try rig.client(gated: true)
        let gate = try #require(client.gate)
        gate.isHolding = true
        client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        #expect(client.isOpen, "closing would lose the answer")
        client.finishSending()
        #expect(client.isOpen)
        gate.release()
        #expect(client.received.hasSuffix("hello"))
        #expect(!client.isOpen)
    }

    @Test("a client that does not take its last answer is given up in the end")
    func givesUpFlushing() throws {
        let rig = ProxyRig()
        let client = try rig.client(gated: true)
        client.gate?.isHolding = true
        client.send("GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        rig.pass(seconds: 301)
        #expect(!client.isOpen)
    }

    @Test("draining closes what is idle when its answer is out, and the rest after its answer")
    func drains() throws {
        let rig = ProxyRig()
        var waiting: Exchange?
        let (idle, fresh, busy, slow) = (
            try rig.client(), try rig.client(), try rig.client(), try rig.client(gated: true)
        )
        idle.send(get)
        slow.gate?.isHolding = true
        slow.send(get)
        rig.serve { waiting = $0 }
        busy.send(get)
        rig.worker.drain()
        #expect(!idle.isOpen && !fresh.isOpen)
        #expect(busy.isOpen && slow.isOpen)
        slow.gate?.release()
        #expect(slow.statuses == [200])
        #expect(!slow.isOpen)
        waiting?.respond(status: 200)
        #expect(busy.received.lowercased().contains("connection: close"))
        #expect(!busy.isOpen)
        #expect(rig.worker.connections.isEmpty)
    }
}

@Suite("The clocks of a client's HTTP/1 connection", .timeLimit(.minutes(1)))
struct HTTP1ServerClockTests {
    @Test("an idle connection is closed without a word")
    func idles() throws {
        let rig = ProxyRig()
        let client = try rig.client()
        client.send(get)
        client.forget()
        rig.pass(seconds: 299)
        #expect(client.isOpen)
        rig.pass(seconds: 3)
        #expect(!client.isOpen && client.received.isEmpty)
    }

    @Test(
        "half a head is answered with 408 when its time is over",
        arguments: [
            "G", "POST / HTTP/1.1\r\nho", "POST / HTTP/1.1\r\nhost: a\r\ncontent-type: application/grpc+proto\r\nx",
            "HEAD / HTTP/1.1\r\ntraceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\nx: y\r\n",
        ])
    func headTimeout(part: String) throws {
        let rig = ProxyRig()
        let client = try rig.client()
        client.send(get)
        client.send(part)
        rig.pass(seconds: 8)
        client.send("")
        #expect(client.isOpen)
        rig.pass(seconds: 4)
        #expect(client.statuses == [200, 408])
        #expect(!client.isOpen)
    }

    @Test("a body that stops is answered with 408, but not while it is we who do not read")
    func bodyTimeout() throws {
        let rig = ProxyRig()
        let body = CollectedBody()
        var exchange: Exchange?
        rig.serve {
            exchange = $0
            $0.receiveBody(into: body)
        }
        let client = try rig.client()
        client.send("POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 65537\r\n\r\n123")
        exchange?.downstream.setReading(false)
        rig.pass(seconds: 61)
        #expect(client.statuses.isEmpty)
        exchange?.downstream.setReading(true)
        rig.pass(seconds: 130)
        #expect(client.statuses == [408])
        #expect(body.isAborted)
    }

    @Test("reading stops while an answer is under way and the next request is here")
    func stopsReading() throws {
        let rig = ProxyRig()
        var waiting: Exchange?
        rig.serve { waiting = $0 }
        let client = try rig.client(gated: true)
        let gate = try #require(client.gate)
        client.send(get)
        client.channel.read()
        let before = gate.readCount
        client.send(get)
        client.channel.read()
        #expect(gate.readCount == before, "what is asked for stays in the socket")
        waiting?.downstream.setReading(true)
        #expect(gate.readCount == before)
        waiting?.respond(status: 200)
        #expect(gate.readCount == before + 1)
    }

    @Test("chunks and their trailers go only to clients that know them", arguments: [true, false])
    func streams(wantsTrailers: Bool) throws {
        let rig = ProxyRig()
        rig.serve { exchange in
            exchange.response.reset()
            exchange.response.status = 200
            exchange.sendHead(framing: .chunked)
            exchange.sendBody(ByteBuffer(string: "abc"))
            var trailers = FieldBlock()
            trailers.append("x-sum", "1")
            exchange.downstream.sendEnd(trailers: trailers)
            exchange.settle()
        }
        let client = try rig.client()
        client.send("GET / HTTP/1.1\r\nhost: a\r\n\(wantsTrailers ? "te: trailers\r\nconnection: te\r\n" : "")\r\n")
        #expect(client.received.contains("\r\n\r\n3\r\nabc\r\n0\r\n"))
        #expect(client.received.contains("x-sum: 1") == wantsTrailers)
        #expect(client.isOpen)
        let old = try rig.client()
        old.send("GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n")
        #expect(old.received.hasSuffix("\r\n\r\nabc"))
        #expect(!old.received.lowercased().contains("transfer-encoding"))
        #expect(!old.isOpen)
    }

    @Test("a connection that begins with the HTTP/2 preface is handed over, once and in whole")
    func handsOver() throws {
        let rig = ProxyRig()
        let client = try rig.client()
        let bytes = HTTP2Frame.preface + HTTP2Frame.settings().bytes
        for byte in bytes { try client.channel.writeInbound(ByteBuffer(bytes: [byte])) }
        rig.loop.run()
        _ = try client.channel.pipeline.syncOperations.handler(type: HTTP2ServerConnection.self)
        #expect(throws: (any Error).self) {
            try client.channel.pipeline.syncOperations.handler(type: HTTP1ServerConnection.self)
        }
        #expect(client.connection == nil, "nothing holds the old handler")
        #expect(rig.worker.connections.count == 1)
        let second = try rig.client()
        second.send(get)
        try second.channel.writeInbound(ByteBuffer(bytes: bytes))
        #expect(second.statuses.count == 2, "only at the start of a connection")
    }
}

extension Array {
    func chunked(_ size: Int) -> [ArraySlice<Element>] {
        stride(from: 0, to: count, by: size).map { self[$0..<Swift.min($0 + size, count)] }
    }
}
