import GatewayModel
import GatewayWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

@Suite("HTTP/2 streams keep memory bounded and time limited")
struct HTTP2FlowTests {
    private static let chunk = ByteBuffer(repeating: 0x61, count: 16 * 1024)

    @Test("A client that opens no window holds back its answer, not the others")
    func stalledWindow() throws {
        let rig = try HTTP2Rig(start: false)
        try rig.send(bytes: HTTP2Frame.preface + HTTP2Frame.settings([(4, 0)]).bytes)
        var slow: Exchange?
        rig.serve { exchange in
            slow = exchange
            exchange.sendHead(framing: .chunked)
            while exchange.downstream.isWritable { exchange.sendBody(Self.chunk) }
        }
        try rig.send(.headers(1, HTTP2Frame.get))
        let stream = try #require(rig.server.streams.first)
        #expect(stream.queuedBytes <= HTTP2Stream.queuedBytesHigh + Self.chunk.readableBytes)
        #expect(rig.frames(1).map(\.type) == [1])
        rig.serve { $0.respond(status: 204) }
        try rig.send(.headers(3, HTTP2Frame.get))
        #expect(rig.frames(3).map(\.type) == [1])
        // The window opens by and by; the exchange is asked for more when the queue is nearly empty.
        #expect(slow?.downstream.isWritable == false)
        try rig.send(.window(1, 60_000))
        #expect(rig.body(1).count == 60_000)
        #expect(slow?.downstream.isWritable == true)
        #expect(stream.queuedBytes > 0)
    }

    @Test("A window that stays shut is given up, and the exchange with it")
    func givesUp() throws {
        let rig = try HTTP2Rig(start: false)
        try rig.send(bytes: HTTP2Frame.preface + HTTP2Frame.settings([(4, 0)]).bytes)
        var stalled: Exchange?
        rig.serve { exchange in
            stalled = exchange
            exchange.sendHead(framing: .chunked)
            exchange.sendBody(Self.chunk)
        }
        try rig.send(.headers(1, HTTP2Frame.get))
        try rig.pass(seconds: 59)
        #expect(rig.resetCode(1) == nil)
        #expect(stalled?.state == .responding)
        try rig.pass(seconds: 61)
        #expect(rig.resetCode(1) == 8)
        #expect(stalled?.state == .idle)
        #expect(rig.server.streams.isEmpty)
    }

    @Test("A body the exchange does not read keeps its window shut until it reads again")
    func backPressure() throws {
        let rig = try HTTP2Rig()
        let body = CollectedBody()
        var slow: Exchange?
        rig.serve { exchange in
            slow = exchange
            exchange.receiveBody(into: body)
            exchange.downstream.setReading(false)
        }
        try rig.send(.settingsAck, .headers(1, HTTP2Frame.request("POST"), end: false))
        rig.forget()
        let sixteen = [UInt8](repeating: 1, count: 16 * 1024)
        for _ in 0..<16 { try rig.send(.data(1, sixteen)) }
        #expect(body.bytes.count == 256 * 1024)
        #expect(rig.frames(1).isEmpty)
        #expect(rig.server.withheldBytes == 256 * 1024)
        try #require(slow).downstream.setReading(true)
        try rig.settle()
        let increments = rig.frames(1, type: 8).map { Int($0.firstWord) }
        #expect(increments == [256 * 1024], "\(rig.frames)")
        #expect(rig.server.withheldBytes == 0)
    }

    @Test("Streams that do not read cannot hold more than two connection windows together")
    func sharedWindow() throws {
        var limits = Limits()
        limits.connectionWindowBytes = 100_000
        let rig = try HTTP2Rig(limits)
        rig.serve { exchange in
            exchange.receiveBody(into: CollectedBody())
            exchange.downstream.setReading(false)
        }
        try rig.send(.settingsAck)
        let sixteen = [UInt8](repeating: 1, count: 16_000)
        var sent = 0
        var window = 100_000
        var id: UInt32 = 1
        var seen = rig.frames.count
        while window >= 16_000 {
            try rig.send(.headers(id, HTTP2Frame.request("POST"), end: false), .data(id, sixteen))
            sent += 16_000
            window -= 16_000
            window += rig.frames[seen...].filter { $0.id == 0 && $0.type == 8 }.reduce(0) { $0 + Int($1.firstWord) }
            seen = rig.frames.count
            id += 2
            try #require(id < 100)
        }
        #expect(sent <= 200_000)
        // What was withheld is paid back when the streams end.
        for stream in stride(from: 1, to: id, by: 2) { try rig.send(.reset(stream, 8)) }
        #expect(rig.server.withheldBytes == 0)
        #expect(rig.frames[seen...].contains { $0.id == 0 && $0.type == 8 })
    }

    @Test("A head that does not end in time ends the connection")
    func slowHead() throws {
        let rig = try HTTP2Rig()
        try rig.send(HTTP2Frame(type: 1, flags: 1, id: 1, payload: HTTP2Frame.block(HTTP2Frame.get)))
        try rig.pass(seconds: 9)
        #expect(rig.goaway == nil)
        try rig.pass(seconds: 11)
        #expect(rig.goaway?.code == 11)
        #expect(!rig.channel.isActive)
    }

    @Test("A client that says nothing is closed early, one that is idle later", arguments: [true, false])
    func idle(isSilent: Bool) throws {
        let rig = try HTTP2Rig(start: !isSilent)
        if !isSilent { try rig.send(.headers(1, HTTP2Frame.get)) }
        try rig.pass(seconds: 9)
        #expect(rig.channel.isActive)
        try rig.pass(seconds: 11)
        #expect(rig.channel.isActive == !isSilent)
        try rig.pass(seconds: 301)
        #expect(!rig.channel.isActive)
        #expect(rig.goaway?.code == (isSilent ? 4 : 0))
    }

    @Test("A body that stops coming gets 408")
    func slowBody() throws {
        let rig = try HTTP2Rig()
        rig.serve { $0.receiveBody(into: CollectedBody()) }
        try rig.send(.headers(1, HTTP2Frame.request("POST"), end: false), .data(1, [1]))
        try rig.pass(seconds: 61)
        #expect(try rig.status(rig.frames(1, type: 1).first) == "408")
        #expect(rig.resetCode(1) == 0)
        #expect(rig.server.streams.isEmpty)
    }

    @Test("Draining says goodbye twice, serves what is under way, and closes")
    func drains() throws {
        let rig = try HTTP2Rig()
        var pending: Exchange?
        rig.serve { pending = $0 }
        try rig.send(.headers(1, HTTP2Frame.get))
        let first = try #require(pending)
        rig.server.drain()
        try rig.settle()
        #expect(rig.goaway?.firstWord == 0x7FFF_FFFF)
        let ping = try #require(rig.frames.last { $0.type == 6 })
        // What was on its way is still served.
        try rig.send(.headers(3, HTTP2Frame.get))
        let second = try #require(pending)
        #expect(second !== first)
        try rig.send(HTTP2Frame(type: 6, flags: 1, payload: ping.payload))
        #expect(rig.goaway?.firstWord == 3)
        #expect(rig.goaway?.code == 0)
        first.respond(status: 200)
        try rig.settle()
        #expect(rig.channel.isActive)
        second.respond(status: 200)
        try rig.settle()
        #expect(!rig.channel.isActive)
        #expect(rig.frames(3).last?.isEnd == true)
    }

    @Test("An idle connection drains at once")
    func drainsIdle() throws {
        let rig = try HTTP2Rig()
        rig.server.drain()
        try rig.settle()
        let ping = try #require(rig.frames.last { $0.type == 6 })
        try rig.send(HTTP2Frame(type: 6, flags: 1, payload: ping.payload))
        #expect(!rig.channel.isActive)
        #expect(rig.worker.connections.isEmpty)
    }
}
