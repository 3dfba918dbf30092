import GatewayWorkbench
import Glibc
import Testing

@testable import GatewayRuntime

/// Thousands of them left in one process what made `Process.run` of Foundation crash: it copies entries of
/// `/proc/self/fd` by more than their length, and reads beyond its memory where some 1,350 descriptors are open.
@Suite("a gateway that has stopped leaves nothing behind", .timeLimit(.minutes(1)))
struct LeftoverTests {
    /// Numbers beyond these are not reached here.
    private var openDescriptors: Int { (0..<65_536).count { fcntl(Int32($0), F_GETFD) >= 0 } }

    private func live() async throws {
        weak var gateway: GatewayProcess?
        try await GatewayRig.run(GatewayRig.configuration(port: 1)) { rig in
            gateway = rig.gateway
            let answer = try await rig.get()
            #expect(answer.status == 502)
        }
        while gateway != nil { await Task.yield() }
    }

    @Test func `neither itself nor what it has opened`() async throws {
        // What all gateways of a process share is opened by the first of them.
        try await live()
        let before = openDescriptors
        for _ in 0..<3 { try await live() }
        while openDescriptors > before { await Task.yield() }
    }
}
