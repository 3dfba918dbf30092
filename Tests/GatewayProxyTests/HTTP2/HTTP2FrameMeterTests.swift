import GatewayModel
import Testing

@testable import GatewayProxy

@Suite("Every frame of a peer is charged to its budget")
struct HTTP2FrameMeterTests {
    private static func meter(perSecond: Int, afterPreface: Bool = false) -> HTTP2FrameMeter {
        var limits = Limits()
        limits.controlFramesPerSecondMax = perSecond
        limits.resetsPerSecondMax = perSecond
        return HTTP2FrameMeter(
            budget: HTTP2FrameBudget(limits: limits, countsResets: true), afterPreface: afterPreface)
    }

    @Test("Frames are counted however the bytes are cut")
    func everySplit() {
        var bytes = HTTP2Frame.preface + HTTP2Frame.headers(1, HTTP2Frame.get, end: false).bytes
        bytes += HTTP2Frame.data(1, [UInt8](repeating: 6, count: 300)).bytes
        for _ in 0..<3 { bytes += HTTP2Frame.ping().bytes }
        for cut in 0...bytes.count {
            var within = Self.meter(perSecond: 3, afterPreface: true)
            var beyond = Self.meter(perSecond: 2, afterPreface: true)
            let head = Array(bytes[..<cut])
            let rest = Array(bytes[cut...])
            let isWithin = within.admit(head.span, now: 1) && within.admit(rest.span, now: 1)
            let isBeyond = beyond.admit(head.span, now: 1) && beyond.admit(rest.span, now: 1)
            #expect(isWithin, "cut at \(cut)")
            #expect(!isBeyond, "cut at \(cut)")
        }
    }

    @Test("What carries a request's bytes is free, the rest is not")
    func kinds() {
        let free: [HTTP2Frame] = [.headers(1, HTTP2Frame.get), .data(1, [1]), .data(1, [], end: true)]
        let charged: [HTTP2Frame] = [
            .data(1, []), .settings(), .settingsAck, .ping(), .window(0, 1), .reset(1, 8), .goaway(last: 0, 0),
            HTTP2Frame(type: 2, payload: [0, 0, 0, 0, 1]), HTTP2Frame(type: 77),
        ]
        for frame in free { #expect(Self.admitted(frame, of: 1_000) == 1_000) }
        for frame in charged { #expect(Self.admitted(frame, of: 1_000) == 5) }
    }

    private static func admitted(_ frame: HTTP2Frame, of count: Int) -> Int {
        var meter = meter(perSecond: 5)
        var admitted = 0
        while admitted < count, meter.admit(frame.bytes.span, now: 1_000_000_000) { admitted += 1 }
        return admitted
    }

    @Test("A rate fills up again with time")
    func refills() {
        var rate = HTTP2FrameBudget.Rate(perSecond: 10)
        var allowed = 0
        for step in 0..<400 as Range<UInt64> {
            if rate.spend(now: 1_000_000_000 + step * 10_000_000) { allowed += 1 }
        }
        // Four seconds at ten, and a burst of ten.
        #expect((40...51).contains(allowed))
    }

    @Test("WINDOW_UPDATEs that answer our DATA are free")
    func expectedUpdates() {
        var meter = Self.meter(perSecond: 1)
        for _ in 0..<1_000 {
            meter.sentData()
            let isAdmitted = meter.admit((HTTP2Frame.window(0, 9).bytes + HTTP2Frame.window(1, 9).bytes).span, now: 1)
            #expect(isAdmitted)
        }
    }
}
