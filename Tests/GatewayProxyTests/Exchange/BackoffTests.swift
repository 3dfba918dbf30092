import GatewayModel
import NIOCore
import NIOEmbedded
import Testing

@testable import GatewayProxy

@Suite("What arrives while an attempt waits for its turn is not lost", .timeLimit(.minutes(1)))
struct BackoffTests {
    @Test("a body that goes on arriving in back-off reaches the next attempt whole", arguments: [true, false])
    func bodyInBackoff(_ wasSent: Bool) throws {
        let retry = RetryPolicy(
            attemptsMax: 1, backoffBaseNanoseconds: 10_000_000_000, backoffMaxNanoseconds: 10_000_000_000)
        let rig = ProxyRig(action: ProxyRig.forward(ProxyRig.backend(endpoints: 2)), retry: retry)
        rig.connectsAtOnce = false
        let client = try rig.client()
        client.send("PUT / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\nabc")
        // The attempt fails after it has been given the body's beginning, or before.
        rig.answerAttempt(succeeds: wasSent)
        if wasSent {
            #expect(rig.backends[0].received.hasSuffix("\r\n\r\nabc"))
            rig.backends[0].close()
            rig.loop.run()
        }
        client.send("def")
        rig.pass(seconds: 11)
        client.send("ghi")
        rig.answerAttempt()
        let backend = try #require(rig.backends.last)
        #expect(backend.received.hasPrefix("PUT / HTTP/1.1\r\n"))
        #expect(backend.received.hasSuffix("\r\n\r\nabcdefghi"))
        backend.send("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")
        #expect(client.statuses == [200])
    }
}
