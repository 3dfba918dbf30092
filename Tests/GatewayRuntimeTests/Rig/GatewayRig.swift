import Foundation
import GatewayProxy
import GatewayRecords
import GatewayRuntime
import GatewayWorkbench
import Testing

/// A gateway of one test, with a state folder of its own and ports of the kernel's choice.
struct GatewayRig {
    let gateway: GatewayProcess
    let folder: URL
    let client = WorkbenchClient(version: .http1)

    /// Runs `body` with a gateway that serves `text`, written to a file, and stops it.
    static func run(
        _ text: String, files: [String: String] = [:], otlp: TelemetryCollector? = nil,
        _ body: (GatewayRig) async throws -> Void
    ) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        for (name, content) in files { try Data(content.utf8).write(to: folder.appending(path: name)) }
        try Data(text.utf8).write(to: folder.appending(path: "gateway.yaml"))
        var options = GatewayOptions(
            source: .files([folder.appending(path: "gateway.yaml").path]),
            stateDirectory: folder.appending(path: "state").path)
        options.loops = 1
        options.accessLog = .none
        options.admin = nil
        options.telemetry = nil
        options.addresses = ["127.0.0.1"]
        options.bindPort = { _ in 0 }
        options.drainTimeout = .seconds(2)
        options.otlp = otlp
        let gateway = try await GatewayProcess(options)
        try await gateway.start()
        do { try await body(GatewayRig(gateway: gateway, folder: folder)) } catch {
            try await gateway.stop()
            throw error
        }
        try await gateway.stop()
    }

    var url: String { "http://127.0.0.1:\(gateway.plane.boundPorts[8080] ?? 0)" }

    func get(_ path: String = "/", _ headers: [Header] = []) async throws -> CompletedResponse {
        try await client.call("GET", url + path, headers: headers)
    }

    /// Asks until the status is this one; the suite's time limit bounds it.
    func wait(for status: Int, _ headers: [Header]) async throws {
        while try await get("/", headers).status != status { try await Task.sleep(for: .milliseconds(20)) }
    }

    /// A gateway on port 8080 with one route to a Backend on `port`; `rest` follows as further objects.
    static func configuration(
        port: Int, backend: String = "", host: String = "127.0.0.1", rest: String = ""
    ) -> String {
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: edge}
        spec:
          gatewayClassName: sluice
          listeners: [{name: http, protocol: HTTP, port: 8080}]
        ---
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: app}
        spec:
          parentRefs: [{name: edge}]
          rules:
            - backendRefs: [{group: sluice.dev, kind: Backend, name: app}]
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: Backend
        metadata: {name: app}
        spec: {endpoints: [{host: \(host), port: \(port)}]\(backend)}
        \(rest)
        """
    }
}
