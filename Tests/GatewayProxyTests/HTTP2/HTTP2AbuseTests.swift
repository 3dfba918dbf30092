import GatewayModel
import GatewayWire
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

@Suite("A hostile HTTP/2 client is stopped with the right code")
struct HTTP2AbuseTests {
    /// A kind of frame that costs us and carries nothing, and its like sent once each.
    struct Flood: CustomTestStringConvertible, Sendable {
        var testDescription: String
        var frame: @Sendable (UInt32) -> HTTP2Frame
    }

    static let floods: [Flood] = [
        Flood(testDescription: "SETTINGS") { _ in .settings([(4, 65_535)]) },
        Flood(testDescription: "PING") { _ in .ping() },
        Flood(testDescription: "PRIORITY") { index in
            HTTP2Frame(type: 2, id: index * 2 + 1, payload: [0, 0, 0, 0, 16])
        },
        Flood(testDescription: "WINDOW_UPDATE") { _ in .window(0, 1) },
        Flood(testDescription: "empty DATA") { _ in .data(1, []) },
        Flood(testDescription: "unknown frames") { _ in HTTP2Frame(type: 200, payload: [1]) },
        Flood(testDescription: "SETTINGS acknowledgements of none") { _ in .settingsAck },
    ]

    @Test("A flood is calmed, and a few of the same are served", arguments: floods)
    func flood(_ flood: Flood) throws {
        var limits = Limits()
        limits.controlFramesPerSecondMax = 200
        let rig = try HTTP2Rig(limits)
        rig.serve { $0.receiveBody(into: CollectedBody()) }
        try rig.send(.headers(1, HTTP2Frame.request("POST"), end: false))
        if flood.testDescription.hasPrefix("SETTINGS ack") {
            try rig.send(.settingsAck)
        } else {
            for index in 0..<20 as Range<UInt32> { try rig.send(flood.frame(index)) }
        }
        #expect(rig.goaway == nil)
        #expect(rig.channel.isActive)
        var bytes: [UInt8] = []
        for index in 0..<400 as Range<UInt32> { bytes += flood.frame(index).bytes }
        try rig.send(bytes: bytes)
        let code = try #require(rig.goaway).code
        // An acknowledgement of nothing is a protocol error at once.
        #expect(code == 11 || flood.testDescription.hasPrefix("SETTINGS ack") && code == 1)
        #expect(!rig.channel.isActive)
        #expect(rig.server.streams.isEmpty)
    }

    @Test("Rapid reset (CVE-2023-44487) ends the connection, and every exchange is settled")
    func rapidReset() throws {
        var limits = Limits()
        limits.resetsPerSecondMax = 50
        let rig = try HTTP2Rig(limits)
        var begun = 0
        var bodies: [CollectedBody] = []
        rig.serve { exchange in
            begun += 1
            bodies.append(CollectedBody())
            exchange.receiveBody(into: bodies[bodies.count - 1])
        }
        var bytes: [UInt8] = []
        for index in 0..<1_000 as Range<UInt32> {
            bytes += HTTP2Frame.headers(index * 2 + 1, HTTP2Frame.request("POST"), end: false).bytes
            bytes += HTTP2Frame.reset(index * 2 + 1, 8).bytes
        }
        try rig.send(bytes: bytes)
        #expect(rig.goaway?.code == 11)
        #expect(begun <= 52)
        #expect(bodies.filter { !$0.isAborted }.isEmpty)
        #expect(!rig.channel.isActive)
        #expect(rig.worker.connections.isEmpty)
    }

    @Test("Making us reset is counted like resetting (CVE-2025-8671)")
    func madeReset() throws {
        var limits = Limits()
        limits.resetsPerSecondMax = 50
        let rig = try HTTP2Rig(limits)
        rig.serve { $0.receiveBody(into: CollectedBody()) }
        for index in 0..<200 as Range<UInt32> where rig.channel.isActive {
            // A window above 2^31-1 is an error of the stream (RFC 9113 section 6.9.1).
            try rig.send(
                .headers(index * 2 + 1, HTTP2Frame.request("POST"), end: false), .window(index * 2 + 1, 0x7FFF_FFFF))
        }
        #expect(rig.goaway?.code == 11)
        #expect(!rig.channel.isActive)
    }

    @Test("A header block in endless CONTINUATION frames ends the connection (CVE-2024-28182)")
    func continuations() throws {
        let rig = try HTTP2Rig()
        var bytes = HTTP2Frame(type: 1, flags: 1, id: 1, payload: HTTP2Frame.block(HTTP2Frame.get)).bytes
        for _ in 0..<2_000 {
            bytes += HTTP2Frame(type: 9, id: 1, payload: HTTP2Frame.block([("x", "y")])).bytes
        }
        try rig.send(bytes: bytes)
        #expect(rig.goaway?.code == 11)
        #expect(!rig.channel.isActive)
    }

    @Test("A head above the limit gets 431, one far above ends the connection", arguments: [false, true])
    func largeHead(isBomb: Bool) throws {
        var limits = Limits()
        limits.headBytesMax = 4 * 1024
        let rig = try HTTP2Rig(limits)
        var begun = false
        rig.serve { _ in begun = true }
        if isBomb {
            // One field put into the table, then said again by reference, a byte each.
            let long = [0x40] + HTTP2Frame.block([("x", String(repeating: "a", count: 3_000))]).dropFirst()
            try rig.send(
                HTTP2Frame(
                    type: 1, flags: 5, id: 1,
                    payload: HTTP2Frame.block(HTTP2Frame.get) + long + [UInt8](repeating: 0xBE, count: 10_000)))
            #expect(rig.goaway?.code == 11)
            #expect(!rig.channel.isActive)
        } else {
            let fields = HTTP2Frame.get + [("x", String(repeating: "a", count: 5_000))]
            try rig.send(.headers(1, fields))
            #expect(try rig.status(rig.frames(1).first) == "431")
            #expect(rig.goaway == nil)
            try rig.send(.headers(3, HTTP2Frame.get))
            #expect(begun)
        }
        #expect(begun == !isBomb)
    }

    @Test("More fields than allowed get 431")
    func manyFields() throws {
        let rig = try HTTP2Rig()
        try rig.send(.headers(1, HTTP2Frame.get + (0..<200).map { ("x-\($0)", "1") }))
        #expect(try rig.status(rig.frames(1).first) == "431")
    }

    static let malformedHeads: [Fields] = {
        let extra: [(String, String)] = [
            ("X-Upper", "1"),
            ("connection", "close"),
            ("transfer-encoding", "chunked"),
            ("upgrade", "h2c"),
            ("te", "gzip"),
            (":path", "/b"),
            (":status", "200"),
            ("host", "b.example"),
            ("content-length", "5"),
            ("content-length", "-1"),
            ("x", "a\r\nb: c"),
            ("x", "a\0b"),
            ("x y", "a"),
        ]
        let get = HTTP2Frame.get
        var heads = extra.map { get + [$0] }
        heads.append([("x", "a")] + get)
        heads.append(Array(get.dropFirst()))
        heads.append(Array(get.dropLast(2)))
        heads.append([(":method", "GET"), (":scheme", "http"), (":path", ""), (":authority", "a.example")])
        heads.append([(":method", "CONNECT"), (":protocol", "websocket"), (":authority", "a.example")])
        return heads.map(Fields.init)
    }()

    @Test(
        "A malformed request is a stream error, is not forwarded, and leaves the connection in use",
        arguments: malformedHeads)
    func malformed(_ fields: Fields) throws {
        let rig = try HTTP2Rig()
        var begun = 0
        rig.serve { exchange in
            begun += 1
            exchange.respond(status: 200)
        }
        try rig.send(.headers(1, fields.list))
        #expect(rig.resetCode(1) == 1)
        #expect(rig.goaway == nil)
        #expect(begun == 0)
        try rig.send(.headers(3, HTTP2Frame.get))
        #expect(begun == 1)
        #expect(rig.server.streams.isEmpty)
    }

    struct Fields: Sendable, CustomTestStringConvertible {
        var list: [(String, String)]
        var testDescription: String { list.map { "\($0.0)=\($0.1)" }.joined(separator: " ") }
    }

    @Test("A body that disagrees with its content-length is a stream error", arguments: [3, 7])
    func lengths(sent: Int) throws {
        let rig = try HTTP2Rig()
        let body = CollectedBody()
        rig.serve { $0.receiveBody(into: body) }
        try rig.send(.headers(1, HTTP2Frame.request("POST", [("content-length", "5")]), end: false))
        try rig.send(.data(1, [UInt8](repeating: 1, count: sent), end: true))
        #expect(rig.resetCode(1) == 1)
        #expect(!body.isEnded)
        #expect(body.isAborted)
    }

    struct Broken: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var code: UInt32
        var frames: [HTTP2Frame]
        init(_ what: String, _ code: UInt32, _ frames: HTTP2Frame...) {
            testDescription = what
            self.code = code
            self.frames = frames
        }
    }

    static let broken: [Broken] = [
        Broken("DATA on stream 0", 1, .data(0, [1])),
        Broken("a stream of the server's", 1, .headers(2, HTTP2Frame.get)),
        Broken("DATA on an idle stream", 1, .data(5, [1])),
        Broken("a short PING", 6, HTTP2Frame(type: 6, payload: [1, 2])),
        Broken("a frame above the size", 6, .data(1, [UInt8](repeating: 0, count: 16_385))),
        Broken("CONTINUATION of nothing", 1, HTTP2Frame(type: 9, flags: 4, id: 1)),
        Broken("a window setting above 2^31-1", 3, .settings([(4, 0xFFFF_FFFF)])),
        Broken("a frame size setting too small", 1, .settings([(5, 1)])),
        Broken("an increment of 0", 1, .window(0, 0)),
        Broken("a window above 2^31-1", 3, .window(0, 0x7FFF_FFFF)),
        Broken("a push", 1, HTTP2Frame(type: 5, flags: 4, id: 1, payload: [0, 0, 0, 2])),
        Broken(
            "an index beyond the table", 9, HTTP2Frame(type: 1, flags: 5, id: 1, payload: [0xFF, 0xFF, 0xFF, 0x0F])),
        Broken("a block cut by a PING", 1, HTTP2Frame(type: 1, flags: 1, id: 1, payload: [0x82]), .ping()),
    ]

    @Test(
        "Breaking the framing ends the connection",
        arguments: Self.broken)
    func framing(_ broken: Broken) throws {
        let rig = try HTTP2Rig()
        try rig.send(bytes: broken.frames.flatMap(\.bytes))
        #expect(rig.goaway?.code == broken.code)
        #expect(!rig.channel.isActive)
        #expect(rig.worker.connections.isEmpty)
    }

    @Test("What is not HTTP/2 is closed")
    func noPreface() throws {
        let rig = try HTTP2Rig(start: false)
        try rig.send(bytes: Array("GET / HTTP/1.1\r\nhost: a.example\r\n\r\n".utf8))
        #expect(!rig.channel.isActive)
        #expect(rig.worker.connections.isEmpty)
    }

    @Test("A stream beyond the limit is refused, or breaks the rules when the client knew", arguments: [false, true])
    func tooManyStreams(isAcknowledged: Bool) throws {
        var limits = Limits()
        limits.streamsPerConnectionMax = 3
        let rig = try HTTP2Rig(limits)
        rig.serve { $0.receiveBody(into: CollectedBody()) }
        if isAcknowledged { try rig.send(.settingsAck) }
        for id in [1, 3, 5] as [UInt32] { try rig.send(.headers(id, HTTP2Frame.request("POST"), end: false)) }
        #expect(rig.server.streams.count == 3)
        try rig.send(.headers(7, HTTP2Frame.request("POST"), end: false))
        #expect(rig.server.streams.count == (isAcknowledged ? 0 : 3))
        #expect(rig.resetCode(7) == (isAcknowledged ? nil : 7))
        #expect(rig.goaway?.code == (isAcknowledged ? 1 : nil))
    }

    @Test("A stream sends no more than its window: beyond is an error of the flow")
    func overrunsWindow() throws {
        var limits = Limits()
        limits.streamWindowBytes = 20_000
        let rig = try HTTP2Rig(limits)
        rig.serve { exchange in
            exchange.receiveBody(into: CollectedBody())
            exchange.downstream.setReading(false)
        }
        try rig.send(.settingsAck, .headers(1, HTTP2Frame.request("POST"), end: false))
        try rig.send(.data(1, [UInt8](repeating: 1, count: 16_000)), .data(1, [UInt8](repeating: 1, count: 16_000)))
        #expect(rig.resetCode(1) == 3 || rig.goaway?.code == 3)
    }
}
