import Foundation
import GatewayControl
import GatewayModel
import GatewayRecords
import GatewayRuntime
import GatewayWorkbench
import Glibc
import Testing

@Suite("Ports are taken before a configuration is accepted", .timeLimit(.minutes(2)), .serialized)
struct PortTests {
    /// A socket that somebody else listens on, until it is closed.
    private final class Stranger {
        let port: Int
        private let descriptor: CInt

        init(reusePort: Bool = false) throws {
            descriptor = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
            var on: CInt = 1
            if reusePort { unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &on, 4) }
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let copy = descriptor
            let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                    unsafe (bind(copy, address, length), listen(copy, 8), getsockname(copy, address, &length))
                }
            }
            try #require(result == (0, 0, 0))
            port = Int(UInt16(bigEndian: address.sin_port))
        }

        func stop() { close(descriptor) }
    }

    private static func options(_ source: GatewayOptions.Source, _ folder: URL) -> GatewayOptions {
        var options = GatewayOptions(source: source, stateDirectory: folder.path)
        options.loops = 2
        options.accessLog = .none
        options.admin = nil
        options.telemetry = nil
        options.addresses = ["127.0.0.1"]
        options.drainTimeout = .seconds(2)
        return options
    }

    private static func gateway(ports: [Int]) -> String {
        let listeners = ports.map { "    - {name: p\($0), protocol: HTTP, port: \($0)}" }.joined(separator: "\n")
        return """
            apiVersion: gateway.networking.k8s.io/v1
            kind: Gateway
            metadata: {name: edge}
            spec:
              gatewayClassName: sluice
              listeners:
            \(listeners)
            """
    }

    private static func folder() throws -> URL {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString.prefix(8))")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        return folder
    }

    /// A port nobody has at the moment.
    private static func freePort() throws -> Int {
        let stranger = try Stranger()
        defer { stranger.stop() }
        return stranger.port
    }

    @Test("a first configuration with a taken port is refused at its line, and nothing is written down")
    func firstStart() async throws {
        let stranger = try Stranger()
        defer { stranger.stop() }
        let folder = try Self.folder()
        let text = Self.gateway(ports: [stranger.port])
        let gateway = try await GatewayProcess(Self.options(.text(text, name: "gw.yaml"), folder))
        let refused = await #expect(throws: ConfigurationRefused.self) { try await gateway.start() }
        let finding = try #require(refused?.diagnostics.first)
        #expect(finding.code == .portUnavailable)
        #expect(finding.line == 7 && finding.file == "gw.yaml")
        #expect(finding.message.contains("127.0.0.1:\(stranger.port)"))
        #expect(finding.message.contains("spec.listeners[0].port"))
        #expect(await gateway.store.revisions().isEmpty)
        try await gateway.stop()
    }

    @Test("the default listener's taken port is told with its address, and how to have another")
    func defaultListener() async throws {
        let stranger = try Stranger()
        defer { stranger.stop() }
        let port = stranger.port
        let text = """
            {apiVersion: sluice.dev/v1alpha1, kind: MCPServer, metadata: {name: demo},
             spec: {http: {url: "http://127.0.0.1:1/mcp"}}}
            """
        let options = Self.options(.text(text, name: "gw.yaml"), try Self.folder()).with {
            $0.bindPort = { $0 == 8080 ? port : $0 }
        }
        let gateway = try await GatewayProcess(options)
        let refused = await #expect(throws: ConfigurationRefused.self) { try await gateway.start() }
        let finding = try #require(refused?.diagnostics.first)
        #expect(finding.code == .portUnavailable)
        #expect(finding.message.contains("127.0.0.1:\(port)") && finding.message.contains("for the default listener"))
        let hint = finding.hint ?? ""
        #expect(hint.contains("choose another port") && hint.contains("a Gateway object in the files moves it"))
        try await gateway.stop()
    }

    @Test("a change that needs a taken port leaves the last good one serving, and is no revision")
    func laterChange() async throws {
        let stranger = try Stranger()
        let folder = try Self.folder()
        let first = try Self.freePort()
        let gateway = try await GatewayProcess(
            Self.options(.text(Self.gateway(ports: [first]), name: "gw.yaml"), folder))
        try await gateway.start()
        let load = ConfigurationLoad(
            texts: [
                ConfigurationLoad.Text(
                    bytes: Array(Self.gateway(ports: [first, stranger.port]).utf8), file: "gw.yaml")
            ])
        let outcome = await gateway.store.replaceFiles(load)
        #expect(outcome.isRefused)
        #expect(outcome.diagnostics.map(\.code) == [.portUnavailable])
        #expect(outcome.diagnostics.first?.line == 8)
        #expect(await gateway.store.snapshot.refusedFiles.count == 1)
        #expect(await gateway.store.revisions().map(\.revision) == [1])
        #expect(gateway.boundPorts[first] == first)
        #expect(try await WorkbenchClient().call("GET", "http://127.0.0.1:\(first)/").status == 404)
        // When the port is free, the same configuration serves.
        stranger.stop()
        #expect(await gateway.store.replaceFiles(load).isApplied)
        let port = stranger.port
        try await eventually("both ports listen") { gateway.boundPorts[port] == port }
        #expect(try await WorkbenchClient().call("GET", "http://127.0.0.1:\(port)/").status == 404)
        try await gateway.stop()
    }

    @Test("a dry run tells of a taken port and takes none")
    func dryRun() async throws {
        let folder = try Self.folder()
        let first = try Self.freePort()
        let gateway = try await GatewayProcess(
            Self.options(.text("", name: "gw.yaml"), folder).with { $0.bindPort = { $0 == 8080 ? 0 : $0 } })
        try await gateway.start()
        func apply(_ port: Int) async throws -> StoreOutcome {
            try await gateway.store.apply(
                [ConfigurationLoad.Text(bytes: Array(Self.gateway(ports: [port]).utf8), file: "request")], dryRun: true)
        }
        #expect(try await apply(first).diagnostics == [])
        // Another may have it now.
        let stranger = socket(AF_INET, CInt(SOCK_STREAM.rawValue), 0)
        defer { close(stranger) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(first).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let result = unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe bind(stranger, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        #expect(result == 0)
        #expect(listen(stranger, 1) == 0)
        #expect(try await apply(first).diagnostics.map(\.code) == [.portUnavailable])
        try await gateway.stop()
    }

    @Test("two gateways with their own state never share a port")
    func twoGateways() async throws {
        let port = try Self.freePort()
        let text = Self.gateway(ports: [port])
        let first = try await GatewayProcess(Self.options(.text(text, name: "gw.yaml"), try Self.folder()))
        try await first.start()
        let second = try await GatewayProcess(Self.options(.text(text, name: "gw.yaml"), try Self.folder()))
        let refused = await #expect(throws: ConfigurationRefused.self) { try await second.start() }
        #expect(refused?.diagnostics.map(\.code) == [.portUnavailable])
        try await second.stop()
        // Its own loops share it nevertheless, and a reload does not disturb them.
        #expect(try await WorkbenchClient().call("GET", "http://127.0.0.1:\(port)/").status == 404)
        try await first.stop()
    }

    @Test("somebody who allows sharing does not get our port either")
    func reusingStranger() async throws {
        let stranger = try Stranger(reusePort: true)
        defer { stranger.stop() }
        let text = Self.gateway(ports: [stranger.port])
        let gateway = try await GatewayProcess(Self.options(.text(text, name: "gw.yaml"), try Self.folder()))
        await #expect(throws: ConfigurationRefused.self) { try await gateway.start() }
        try await gateway.stop()
    }

    @Test("a taken admin port ends the start with what to do")
    func adminPort() async throws {
        let stranger = try Stranger()
        defer { stranger.stop() }
        let options = Self.options(.text("", name: "gw.yaml"), try Self.folder()).with {
            $0.admin = GatewayOptions.Address(host: "127.0.0.1", port: stranger.port)
        }
        let gateway = try await GatewayProcess(options)
        let error = await #expect(throws: GatewayError.self) { try await gateway.start() }
        #expect(error?.code == .portUnavailable)
        #expect(error?.hint?.contains("--admin") == true)
        try await gateway.stop()
    }
}

extension GatewayOptions {
    fileprivate func with(_ change: (inout GatewayOptions) -> Void) -> GatewayOptions {
        var options = self
        change(&options)
        return options
    }
}
