import Foundation
import GatewayControl
import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayRuntime
import GatewayWorkbench
import Testing

/// A whole gateway in this process, on ports the kernel chose, with its access log in a file of its own.
struct GatewayUnderTest: Sendable {
    let process: GatewayProcess
    let folder: URL

    /// Serves `configuration`; the port a listener names is only a key here.
    static func start(
        _ configuration: String, loops: Int = 2, limits: Limits = .standard,
        drainTimeout: Duration = .seconds(10), folder: URL? = nil, adjust: (inout GatewayOptions) -> Void = { _ in }
    ) async throws -> GatewayUnderTest {
        try await start(loops: loops, limits: limits, drainTimeout: drainTimeout, folder: folder, adjust: adjust) {
            _ in .text(configuration, name: "test.yaml")
        }
    }

    /// Serves the files of a folder that `write` fills first.
    static func start(
        loops: Int = 2, limits: Limits = .standard, drainTimeout: Duration = .seconds(10), folder: URL? = nil,
        adjust: (inout GatewayOptions) -> Void = { _ in }, _ source: (URL) throws -> GatewayOptions.Source
    ) async throws -> GatewayUnderTest {
        let folder =
            folder ?? FileManager.default.temporaryDirectory.appending(path: "sluice-e2e-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        var options = GatewayOptions(
            source: try source(folder), stateDirectory: folder.appending(path: "state").path)
        options.loops = loops
        options.accessLog = .file(folder.appending(path: "access.log").path)
        options.admin = nil
        options.telemetry = GatewayOptions.Address(host: "127.0.0.1", port: 0)
        options.limits = limits
        options.addresses = ["127.0.0.1"]
        options.bindPort = { _ in 0 }
        options.drainTimeout = drainTimeout
        adjust(&options)
        let process = try await GatewayProcess(options)
        try await process.start()
        return GatewayUnderTest(process: process, folder: folder)
    }

    /// Where a configured port listens.
    func port(_ configured: Int = 8080) throws -> Int {
        try #require(process.plane.boundPorts[configured], "nothing listens for \(configured)")
    }

    func url(_ path: String = "/", port configured: Int = 8080) throws -> String {
        "http://127.0.0.1:\(try port(configured))\(path)"
    }

    func open(_ configured: Int = 8080) async throws -> RawConnection {
        try await RawConnection.open(host: "127.0.0.1", port: try port(configured))
    }

    /// The page a scraper would read.
    func metrics() async throws -> String {
        // The gateway's own telemetry listener.
        let port = try #require(process.plane.boundPorts[-3])
        return try await WorkbenchClient().call("GET", "http://127.0.0.1:\(port)/metrics").text
    }

    /// Returns once no client is connected any more.
    func connectionsClosed() async throws {
        try await eventually("every connection is closed") { try await process.plane.connectionCount() == 0 }
    }

    func stop() async throws {
        try await process.stop()
    }

    /// Stops, so that every line is written, and reads the access log.
    func stopAndReadLog() async throws -> [[String: Any]] {
        try await process.stop()
        let text = try String(contentsOf: folder.appending(path: "access.log"), encoding: .utf8)
        try? FileManager.default.removeItem(at: folder)
        return try text.split(separator: "\n").map { line in
            try #require(try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any])
        }
    }
}

/// Configurations, put together from parts.
enum Configuration {
    /// A gateway that listens on 8080, one route for everything and one backend.
    static func simple(_ port: Int, rule: String = "", backend: String = "", more: String = "") -> String {
        """
        \(gateway)
        \(route(rule: rule))
        \(backendObject("app", [port], backend))
        \(more)
        """
    }

    static let gateway = """
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: edge}
        spec:
          gatewayClassName: sluice
          listeners: [{name: http, protocol: HTTP, port: 8080}]
        ---
        """

    /// Everything below `path` to a backend; `rule` is further fields of the rule, in flow style lines.
    static func route(
        _ name: String = "app", path: String = "/", to backend: String = "app", rule: String = ""
    )
        -> String
    {
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: \(name)}
        spec:
          parentRefs: [{name: edge}]
          rules:
            - matches: [{path: {type: PathPrefix, value: \(path)}}]
              backendRefs: [{group: sluice.dev, kind: Backend, name: \(backend)}]
        \(rule.split(separator: "\n").map { "      " + $0 }.joined(separator: "\n"))
        ---
        """
    }

    static func backendObject(
        _ name: String, _ ports: [Int], _ more: String = "", host: String = "127.0.0.1"
    )
        -> String
    {
        let endpoints = ports.map { "{host: \(host), port: \($0)}" }.joined(separator: ", ")
        return """
            apiVersion: sluice.dev/v1alpha1
            kind: Backend
            metadata: {name: \(name)}
            spec:
              endpoints: [\(endpoints)]
            \(more.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
            ---
            """
    }

    /// A TrafficPolicy for the route `app`.
    static func policy(_ fields: String, name: String = "policy", target: String = "app") -> String {
        """
        apiVersion: sluice.dev/v1alpha1
        kind: TrafficPolicy
        metadata: {name: \(name)}
        spec:
          targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: \(target)}]
        \(fields.split(separator: "\n").map { "  " + $0 }.joined(separator: "\n"))
        ---
        """
    }
}
