import GatewayModel
import Testing

@testable import GatewayMCP

@Suite("what waits for clients is bounded, for each caller and for all")
struct WaitingCallsTests {
    @Test("a caller's bytes do not take another's, and all of them have an end")
    func bytes() {
        var limits = Limits()
        (limits.waitingCallerBytesMax, limits.waitingBytesMax) = (100, 150)
        let waiting = WaitingCalls(limits)
        #expect(waiting.hold(60, of: "a") && waiting.hold(40, of: "a"))
        #expect(!waiting.hold(1, of: "a") && waiting.hold(0, of: "a"))
        #expect(waiting.hold(50, of: "b"))
        #expect(!waiting.hold(1, of: "b") && !waiting.hold(1, of: "c"))
        waiting.letGo(60, of: "a")
        #expect(waiting.hold(50, of: "b") && waiting.hold(10, of: "c"))
        waiting.letGo(40, of: "a")
        #expect(waiting.hold(40, of: "a") && !waiting.hold(1, of: "a"))
    }
}
