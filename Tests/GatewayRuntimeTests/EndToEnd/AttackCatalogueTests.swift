import GatewayModel
import GatewayWorkbench
import NIOCore
import NIOPosix
import Testing

@Suite("The gateway withstands the attack catalogue", .timeLimit(.minutes(3)))
struct AttackCatalogueTests {
    private static func limits() -> Limits {
        var limits = Limits()
        limits.headTimeoutMilliseconds = 1_500
        limits.bodyIdleTimeoutMilliseconds = 1_500
        limits.idleTimeoutMilliseconds = 3_000
        return limits
    }

    @Test("every case is refused or harmless, and nothing illegal reaches a backend", arguments: ["http", "h2c"])
    func catalogue(_ backendProtocol: String) async throws {
        // One loop on each side, so that what a case has forwarded is in the journal before it is judged.
        let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
        let mock = try await MockHTTPServer.start(group: group)
        let gateway = try await GatewayUnderTest.start(
            Configuration.simple(mock.port, backend: "protocol: \(backendProtocol)"), loops: 1, limits: Self.limits())
        var options = AttackRunner.Options()
        options.upstream = mock.journal
        options.answerMilliseconds = 10_000
        options.settleMilliseconds = 150
        options.slowMilliseconds = 12_000
        options.slowMustEnd = true
        let report = try await AttackRunner(try gateway.url(), options: options).run()
        let bad = report.results.filter { $0.outcome != .passed }
        #expect(bad.isEmpty, "\(bad.map { "\($0.id) \($0.outcome) \($0.detail)" }.joined(separator: "\n"))")
        #expect(report.results.count > 150)
        #expect(!bad.contains { $0.outcome == .inconclusive })
        try await gateway.stop()
        await mock.stop()
        try await group.shutdownGracefully()
    }
}
