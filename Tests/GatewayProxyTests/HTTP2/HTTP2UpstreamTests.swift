import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

@Suite("An HTTP/2 backend serves many exchanges over one connection")
struct HTTP2UpstreamTests {
    private static let ok: [(String, String)] = [(":status", "200"), ("x-b", "2")]

    @Test("A request with body and trailers, and its answer")
    func whole() throws {
        let rig = try HTTP2UpstreamRig()
        let more = [("x-a", "1"), ("te", "trailers"), ("content-length", "4")]
        try rig.ask(.headers(1, HTTP2Frame.request("POST", more), end: false), .data(1, Array("bo".utf8)))
        let head = try rig.fields(try #require(rig.frames(1, type: 1).first))
        #expect(head[":method"] == "POST")
        #expect(head[":path"] == "/")
        #expect(head[":authority"] == "a.example")
        #expect(head[":scheme"] == "http")
        #expect(head["content-length"] == "4")
        #expect(head["te"] == "trailers")
        #expect(head["x-a"] == "1")
        #expect(rig.body(1) == Array("bo".utf8))
        try rig.ask(.data(1, Array("dy".utf8)), .headers(1, [("x-sum", "9")]))
        #expect(rig.body(1) == Array("body".utf8))
        #expect(rig.frames(1).last?.type == 1)
        #expect(rig.frames(1).last?.isEnd == true)
        try rig.answer(.headers(1, [(":status", "103"), ("link", "x")], end: false))
        try rig.answer(
            .headers(1, Self.ok, end: false), .data(1, Array("answer".utf8)), .headers(1, [("grpc-status", "0")]))
        let heads = try rig.front.frames(1, type: 1).map { try rig.front.fields($0) }
        #expect(heads.map { $0[":status"] } == ["103", "200", nil])
        #expect(heads[1]["x-b"] == "2")
        #expect(heads[2]["grpc-status"] == "0")
        #expect(rig.front.body(1) == Array("answer".utf8))
        #expect(rig.front.frames(1).last?.isEnd == true)
        #expect(rig.back?.streams.isEmpty == true)
        #expect(rig.front.server.streams.isEmpty)
    }

    @Test("A policy's bound on streams holds, below what the backend allows and above the gateway's own")
    func streamsMax() throws {
        var limits = Limits()
        limits.streamsPerConnectionMax = 4
        let rig = try HTTP2UpstreamRig(limits, settings: [(3, 10)])
        #expect(rig.back?.freeStreams == 4)
        rig.back?.streamsMax = 1
        try rig.ask(.headers(1, HTTP2Frame.get))
        #expect(rig.back?.freeStreams == 0)
        try rig.ask(.headers(3, HTTP2Frame.get))
        #expect(try rig.status(3) == "503", "there is no second stream")
        rig.back?.streamsMax = 20
        #expect(rig.back?.freeStreams == 9)
    }

    @Test("The answer's bytes mean the same however they are cut")
    func everySplit() throws {
        let answer =
            HTTP2Frame.headers(1, Self.ok, end: false).bytes + HTTP2Frame.data(1, Array("one".utf8)).bytes
            + HTTP2Frame.data(1, Array("two".utf8), end: true).bytes
        for cut in 0...answer.count {
            let rig = try HTTP2UpstreamRig()
            try rig.ask(.headers(1, HTTP2Frame.get))
            try rig.channel.writeInbound(ByteBuffer(bytes: answer[..<cut]))
            try rig.settle()
            try rig.channel.writeInbound(ByteBuffer(bytes: answer[cut...]))
            try rig.settle()
            #expect(try rig.status(1) == "200", "cut at \(cut)")
            #expect(rig.front.body(1) == Array("onetwo".utf8), "cut at \(cut)")
            #expect(rig.back?.streams.isEmpty == true)
        }
    }

    @Test("HEAD passes the length on, and 304 too", arguments: [("HEAD", "200"), ("GET", "304")])
    func describing(method: String, status: String) throws {
        let rig = try HTTP2UpstreamRig()
        try rig.ask(.headers(1, HTTP2Frame.request(method)))
        try rig.answer(.headers(1, [(":status", status), ("content-length", "99")]))
        let answer = rig.front.frames(1)
        #expect(answer.map(\.type) == [1])
        let fields = try rig.front.fields(try #require(answer.first))
        #expect(fields[":status"] == status)
        #expect(fields["content-length"] == "99")
    }

    @Test("Many requests share the connection, up to what the backend allows")
    func shares() throws {
        let rig = try HTTP2UpstreamRig(settings: [(3, 2)])
        #expect(rig.back?.freeStreams == 2)
        try rig.ask(.headers(1, HTTP2Frame.get), .headers(3, HTTP2Frame.get), .headers(5, HTTP2Frame.get))
        #expect(rig.back?.freeStreams == 0)
        #expect(try rig.status(5) == "503")
        let changes = rig.capacityChanges
        try rig.answer(.headers(3, Self.ok, end: false), .data(3, Array("second".utf8), end: true))
        #expect(rig.capacityChanges > changes)
        #expect(rig.back?.freeStreams == 1)
        try rig.answer(.headers(1, Self.ok, end: false), .data(1, Array("first".utf8), end: true))
        #expect(rig.front.body(1) == Array("first".utf8))
        #expect(rig.front.body(3) == Array("second".utf8))
    }

    @Test(
        "How an attempt failed is told apart",
        arguments: [
            (HTTP2Frame.reset(1, 7), "unprocessed"), (HTTP2Frame.goaway(last: 0, 0), "unprocessed"),
            (HTTP2Frame.reset(1, 2), "reset"), (HTTP2Frame.reset(1, 8), "reset"),
            (HTTP2Frame.headers(1, [(":status", "abc")]), "malformed"),
            (HTTP2Frame.headers(1, [(":status", "200"), ("connection", "close")]), "malformed"),
            (HTTP2Frame.headers(1, [("x", "y")]), "malformed"),
            (HTTP2Frame.headers(1, [(":status", "101")]), "malformed"),
        ])
    func failures(frame: HTTP2Frame, kind: String) throws {
        let rig = try HTTP2UpstreamRig()
        try rig.ask(.headers(1, HTTP2Frame.get))
        #expect(try #require(rig.exchange).state == .awaiting)
        try rig.answer(frame)
        #expect(try rig.status(1) == "502")
        let text = String(decoding: rig.front.body(1), as: UTF8.self)
        #expect(text.contains(kind == "malformed" ? "SL-4008" : "SL-4006"))
        #expect(rig.back?.streams.isEmpty == true)
        if kind == "malformed" { #expect(rig.resetCode(1) == 1) }
        if frame.type == 7 {
            #expect(rig.closes == 1)
            #expect(rig.back?.freeStreams == 0)
            #expect(!rig.channel.isActive)
        }
    }

    @Test("REFUSED_STREAM and GOAWAY may be tried again, other resets only when that is harmless")
    func unprocessed() throws {
        for frame in [HTTP2Frame.reset(1, 7), .goaway(last: 0, 0)] {
            let rig = try HTTP2UpstreamRig()
            try rig.ask(.headers(1, HTTP2Frame.request("POST"), end: false), .data(1, [1], end: true))
            let exchange = try #require(rig.exchange)
            exchange.attempt.usedStaleRetry = false
            try rig.answer(frame)
            // A second attempt has begun; this rig has no backend to choose for it.
            #expect(exchange.attempt.usedStaleRetry)
            #expect(try rig.status(1) == nil)
        }
    }

    @Test("After GOAWAY what is under way is answered, then the connection closes")
    func goaway() throws {
        let rig = try HTTP2UpstreamRig()
        try rig.ask(.headers(1, HTTP2Frame.get))
        try rig.answer(.goaway(last: 1, 0))
        #expect(rig.closes == 1)
        #expect(rig.back?.freeStreams == 0)
        #expect(rig.channel.isActive)
        try rig.answer(.headers(1, Self.ok))
        #expect(try rig.status(1) == "200")
        #expect(!rig.channel.isActive)
        #expect(rig.closes == 1)
    }

    @Test("A backend that vanishes fails what is under way, before and within the answer")
    func vanishes() throws {
        let rig = try HTTP2UpstreamRig()
        try rig.ask(.headers(1, HTTP2Frame.get), .headers(3, HTTP2Frame.get))
        try rig.answer(.headers(3, Self.ok, end: false), .data(3, [1]))
        try rig.channel.close().wait()
        try rig.settle()
        #expect(try rig.status(1) == "502")
        #expect(rig.front.resetCode(3) == 2)
        #expect(rig.closes == 1)
        #expect(rig.front.server.streams.isEmpty)
    }

    @Test("A client that leaves cancels the stream upstream")
    func cancels() throws {
        let rig = try HTTP2UpstreamRig()
        try rig.ask(.headers(1, HTTP2Frame.get))
        try rig.ask(.reset(1, 8))
        #expect(rig.resetCode(1) == 8)
        #expect(rig.back?.streams.isEmpty == true)
        // What was on its way is ignored.
        try rig.answer(.headers(1, Self.ok, end: false), .data(1, [1], end: true))
        #expect(rig.channel.isActive)
        try rig.ask(.headers(3, HTTP2Frame.get))
        try rig.answer(.headers(3, Self.ok))
        #expect(try rig.status(3) == "200")
    }

    @Test("An answer before the request has ended stops the upload on both sides")
    func earlyAnswer() throws {
        let rig = try HTTP2UpstreamRig()
        try rig.ask(.headers(1, HTTP2Frame.request("POST"), end: false), .data(1, [1]))
        try rig.answer(.headers(1, [(":status", "413")]))
        #expect(try rig.status(1) == "413")
        #expect(rig.front.resetCode(1) == 0)
        #expect(rig.resetCode(1) == 0)
        #expect(rig.back?.streams.isEmpty == true)
    }

    @Test("A client that does not read stops the backend, one window later at the latest")
    func slowClient() throws {
        let rig = try HTTP2UpstreamRig()
        try rig.ask(.settings([(4, 0)]), .headers(1, HTTP2Frame.get))
        try rig.answer(.settingsAck, .headers(1, Self.ok, end: false))
        let chunk = [UInt8](repeating: 1, count: 16 * 1024)
        for _ in 0..<16 { try rig.answer(.data(1, chunk)) }
        let given = rig.frames(1, type: 8).reduce(0) { $0 + Int($1.firstWord) }
        #expect(given <= 64 * 1024)
        let stream = try #require(rig.front.server.streams.first)
        #expect(stream.queuedBytes == 256 * 1024)
        // It reads again: so may the backend send.
        try rig.ask(.window(0, 1 << 20), .window(1, 1 << 20))
        #expect(rig.front.body(1).count == 256 * 1024)
        let more = rig.frames(1, type: 8).reduce(0) { $0 + Int($1.firstWord) }
        #expect(more >= 128 * 1024)
        #expect(rig.back?.withheldBytes == 0)
    }

    @Test("A backend that does not read stops the client")
    func slowBackend() throws {
        let rig = try HTTP2UpstreamRig(settings: [(4, 0)])
        try rig.ask(.settingsAck, .headers(1, HTTP2Frame.request("POST"), end: false))
        let chunk = [UInt8](repeating: 1, count: 16 * 1024)
        for _ in 0..<16 { try rig.ask(.data(1, chunk)) }
        #expect(rig.body(1).isEmpty)
        let given = rig.front.frames(1, type: 8).reduce(0) { $0 + Int($1.firstWord) }
        #expect(given <= 64 * 1024)
        try rig.answer(.window(1, 1 << 20), .window(0, 1 << 20))
        #expect(rig.body(1).count == 256 * 1024)
        let more = rig.front.frames(1, type: 8).reduce(0) { $0 + Int($1.firstWord) }
        #expect(more >= 128 * 1024)
    }

    @Test("An idle connection closes after its time, and when its pool says so", arguments: [true, false])
    func idle(byPool: Bool) throws {
        let rig = try HTTP2UpstreamRig()
        try rig.ask(.headers(1, HTTP2Frame.get))
        try rig.answer(.headers(1, Self.ok))
        if byPool {
            rig.back?.closeWhenIdle()
        } else {
            rig.back?.deadlineReached(now: rig.front.worker.now + 61 * 1_000_000_000)
        }
        try rig.settle()
        #expect(rig.frames.last?.type == 7)
        #expect(rig.closes == 1)
        #expect(!rig.channel.isActive)
    }

    @Test(
        "A WebSocket travels as extended CONNECT when the backend takes it, and fails when not",
        arguments: [true, false])
    func webSocket(isTaken: Bool) throws {
        let rig = try HTTP2UpstreamRig(settings: isTaken ? [(8, 1)] : [])
        let head = [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "http"), (":path", "/chat"),
            (":authority", "a.example"), ("sec-websocket-version", "13"),
        ]
        try rig.ask(.headers(1, head, end: false))
        guard isTaken else {
            #expect(try rig.status(1) == "502")
            return
        }
        let sent = try rig.fields(try #require(rig.frames(1, type: 1).first))
        #expect(sent[":method"] == "CONNECT")
        #expect(sent[":protocol"] == "websocket")
        #expect(sent["sec-websocket-key"] == nil)
        try rig.answer(.headers(1, [(":status", "200")], end: false), .data(1, Array("hi".utf8)))
        #expect(try rig.status(1) == "200")
        #expect(rig.front.body(1) == Array("hi".utf8))
        try rig.ask(.data(1, Array("you".utf8), end: true))
        #expect(rig.body(1) == Array("you".utf8))
        try rig.answer(.data(1, [], end: true))
        #expect(rig.front.frames(1).last?.isEnd == true)
        #expect(rig.back?.streams.isEmpty == true)
        #expect(rig.front.server.streams.isEmpty)
    }

    @Test("The accept key of an upgrade is RFC 6455's")
    func acceptKey() throws {
        let rig = try HTTP2UpstreamRig(settings: [(8, 1)])
        let exchange = rig.front.worker.takeExchange()
        exchange.request.method = .get
        exchange.request.methodName = exchange.request.fields.store(Array("GET".utf8))
        exchange.request.target = exchange.request.fields.store(Array("/".utf8))
        exchange.request.authority = exchange.request.fields.store(Array("a.example".utf8))
        exchange.request.upgrade = exchange.request.fields.store(Array("websocket".utf8))
        exchange.request.fields.append("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        exchange.state = .seeking
        let stream = try #require(rig.back?.openStream(for: exchange))
        exchange.upstreamReady(.http2(stream))
        try rig.answer(.headers(1, [(":status", "200")], end: false))
        #expect(exchange.response.status == 101)
        #expect(exchange.response.fields.value(named: "sec-websocket-accept") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        exchange.downstreamClosed()
    }
}
