import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

@Suite("An HTTP/2 client is served, stream by stream")
struct HTTP2RequestTests {
    @Test("A request without a body gets an answer and a settled stream")
    func get() throws {
        let rig = try HTTP2Rig()
        var seen: [String] = []
        rig.serve { exchange in
            seen = [
                exchange.request.fields.text(exchange.request.target),
                exchange.request.fields.text(exchange.request.authority),
                exchange.request.fields.value(named: "x-a") ?? "",
            ]
            #expect(exchange.requestEnded)
            exchange.respond(status: 200, fields: [("x-b", "2")], body: Array("hello".utf8))
        }
        try rig.send(.headers(1, HTTP2Frame.request("GET", [("x-a", "1")])))
        #expect(seen == ["/", "a.example", "1"])
        let answer = rig.frames(1)
        try #require(answer.count == 2)
        let fields = try rig.fields(answer[0])
        #expect(fields[":status"] == "200")
        #expect(fields["content-length"] == "5")
        #expect(fields["x-b"] == "2")
        #expect(answer[1].payload == Array("hello".utf8))
        #expect(answer[1].isEnd)
        #expect(rig.server.streams.isEmpty)
    }

    @Test("The port's bound on streams is announced and kept")
    func streamsMax() throws {
        var settings = PortSettings()
        settings.streamsMax = 1
        let rig = try HTTP2Rig(settings: settings)
        let announced = try #require(rig.frames(0, type: 4).first { $0.flags == 0 })
        #expect(announced.payload.starts(with: [0, 3, 0, 0, 0, 1]))
        rig.serve { $0.receiveBody(into: CollectedBody()) }
        try rig.send(.headers(1, HTTP2Frame.get))
        try rig.send(.headers(3, HTTP2Frame.get))
        #expect(rig.resetCode(1) == nil)
        #expect(rig.resetCode(3) == 7, "refused: it may be sent again")
    }

    @Test("The bytes mean the same however they are cut")
    func everySplit() throws {
        let input =
            HTTP2Frame.preface + HTTP2Frame.settings([(4, 100_000)]).bytes
            + HTTP2Frame.headers(1, HTTP2Frame.request("POST", [("te", "trailers")]), end: false).bytes
            + HTTP2Frame.data(1, Array("some ".utf8)).bytes + HTTP2Frame.data(1, Array("text".utf8)).bytes
            + HTTP2Frame.headers(1, [("x-sum", "9")]).bytes + HTTP2Frame.ping().bytes
        for cut in 0...input.count {
            let rig = try HTTP2Rig(start: false)
            let body = CollectedBody()
            rig.serve { exchange in
                exchange.receiveBody(into: body)
                body.onEnd = { exchange.respond(status: 200, body: body.bytes) }
            }
            try rig.send(bytes: Array(input[..<cut]))
            try rig.send(bytes: Array(input[cut...]))
            #expect(rig.body(1) == Array("some text".utf8), "cut at \(cut)")
            #expect(body.trailers?.value(named: "x-sum") == "9", "cut at \(cut)")
            #expect(rig.frames(0, type: 6).count == 1, "cut at \(cut)")
            #expect(rig.goaway == nil)
        }
    }

    @Test("One byte at a time is enough")
    func byteByByte() throws {
        let rig = try HTTP2Rig(start: false)
        for byte in HTTP2Frame.preface + HTTP2Frame.settings().bytes + HTTP2Frame.headers(1, HTTP2Frame.get).bytes {
            try rig.send(bytes: [byte])
        }
        #expect(rig.body(1) == Array("hello".utf8))
    }

    @Test(
        "Answers without a body end with their head", arguments: [("HEAD", 200), ("GET", 204), ("GET", 304)])
    func bodyless(method: String, status: Int) throws {
        let rig = try HTTP2Rig()
        rig.serve { $0.respond(status: status, body: Array("hello".utf8)) }
        try rig.send(.headers(1, HTTP2Frame.request(method)))
        let answer = rig.frames(1)
        #expect(answer.map(\.type) == [1])
        let head = try #require(answer.first)
        #expect(head.isEnd)
        let fields = try rig.fields(head)
        #expect(fields[":status"] == "\(status)")
        #expect(fields["content-length"] == (method == "HEAD" ? "5" : nil))
    }

    @Test("Many streams are answered each on its own, in few writes")
    func manyStreams() throws {
        let rig = try HTTP2Rig()
        var input: [UInt8] = []
        for index in 0..<100 as Range<UInt32> { input += HTTP2Frame.headers(index * 2 + 1, HTTP2Frame.get).bytes }
        try rig.channel.writeInbound(ByteBuffer(bytes: input))
        var writes = 0
        rig.loop.run()
        while let buffer = try rig.channel.readOutbound(as: ByteBuffer.self) {
            writes += 1
            #expect(buffer.readableBytes > 0)
        }
        #expect(writes <= 2)
        #expect(rig.server.streams.isEmpty)
    }

    @Test("A streamed answer with interim heads and trailers")
    func streamed() throws {
        let rig = try HTTP2Rig()
        rig.serve { exchange in
            var early = ResponseHead(status: 103)
            early.fields.append("link", "</a.css>")
            exchange.downstream.sendInterim(early)
            exchange.response.reset()
            exchange.sendHead(framing: .chunked)
            exchange.sendBody(ByteBuffer(string: "one"))
            exchange.sendBody(ByteBuffer(string: "two"))
            var trailers = FieldBlock()
            trailers.append("grpc-status", "0")
            exchange.downstream.sendEnd(trailers: trailers)
            exchange.flushDownstream()
            exchange.settle()
        }
        try rig.send(.headers(1, HTTP2Frame.get))
        let heads = try rig.frames(1, type: 1).map { try rig.fields($0) }
        #expect(heads.map { $0[":status"] } == ["103", "200", nil])
        #expect(heads.last?["grpc-status"] == "0")
        #expect(rig.body(1) == Array("onetwo".utf8))
        #expect(rig.frames(1).last?.isEnd == true)
        #expect(rig.server.streams.isEmpty)
    }

    @Test("100 is said once, and only to who asked")
    func continues() throws {
        let rig = try HTTP2Rig()
        rig.serve { exchange in
            exchange.receiveBody(into: CollectedBody())
            exchange.downstream.sendContinue()
        }
        try rig.send(.headers(1, HTTP2Frame.request("POST", [("expect", "100-continue")]), end: false))
        try rig.send(.headers(3, HTTP2Frame.request("POST"), end: false))
        #expect(try rig.frames(1, type: 1).map { try rig.fields($0)[":status"] } == ["100"])
        #expect(rig.frames(3, type: 1).isEmpty)
    }

    @Test("An answer before the end of the request stops the client without an error")
    func earlyAnswer() throws {
        let rig = try HTTP2Rig()
        rig.serve { $0.respond(status: 413) }
        try rig.send(.headers(1, HTTP2Frame.request("POST"), end: false))
        #expect(rig.frames(1).map(\.type) == [1, 3])
        #expect(rig.frames(1).first?.isEnd == true)
        #expect(rig.resetCode(1) == 0)
        try rig.send(.data(1, [1, 2, 3]))
        #expect(rig.goaway == nil)
    }

    @Test("A client that resets or leaves aborts its request", arguments: [true, false])
    func aborted(byReset: Bool) throws {
        let rig = try HTTP2Rig()
        let body = CollectedBody()
        rig.serve { $0.receiveBody(into: body) }
        try rig.send(.headers(1, HTTP2Frame.request("POST"), end: false))
        #expect(rig.server.streams.count == 1)
        if byReset { try rig.send(.reset(1, 8)) } else { try rig.channel.close().wait() }
        #expect(body.isAborted)
        #expect(rig.server.streams.isEmpty)
        #expect(rig.worker.connections.isEmpty == !byReset)
    }

    @Test("An exchange that breaks off resets its stream")
    func brokenOff() throws {
        let rig = try HTTP2Rig()
        rig.serve { exchange in
            exchange.sendHead(framing: .chunked)
            exchange.fail(GatewayError(.upstreamReset, "gone"))
        }
        try rig.send(.headers(1, HTTP2Frame.get))
        #expect(rig.resetCode(1) == 2)
        #expect(rig.server.streams.isEmpty)
    }

    @Test("A WebSocket over a stream is an upgrade to those behind, and held back until it is granted")
    func extendedConnect() throws {
        let rig = try HTTP2Rig()
        var kept: Exchange?
        rig.serve { exchange in
            kept = exchange
            exchange.state = .awaiting
            exchange.receiver = .upstream
        }
        let head = [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/chat"),
            (":authority", "a.example"), ("sec-websocket-version", "13"),
        ]
        try rig.send(.headers(1, head, end: false), .data(1, Array("early".utf8)))
        let exchange = try #require(kept)
        #expect(exchange.request.method == .get)
        #expect(exchange.request.fields.text(exchange.request.methodName) == "GET")
        #expect(exchange.request.fields.text(exchange.request.upgrade) == "websocket")
        #expect(exchange.request.fields.value(named: "sec-websocket-key")?.utf8.count == 24)
        #expect(exchange.record.requestBytes == 0)
        exchange.response.reset()
        exchange.response.status = 101
        exchange.response.fields.append("sec-websocket-accept", "x")
        #expect(exchange.upstreamHead())
        exchange.upstreamBody(ByteBuffer(string: "welcome"))
        exchange.flushDownstream()
        try rig.settle()
        let fields = try rig.fields(try #require(rig.frames(1, type: 1).first))
        #expect(fields == [":status": "200"])
        #expect(exchange.record.requestBytes == 5)
        #expect(rig.body(1) == Array("welcome".utf8))
        try rig.send(.data(1, Array("more".utf8), end: true))
        #expect(exchange.record.requestBytes == 9)
    }
}
