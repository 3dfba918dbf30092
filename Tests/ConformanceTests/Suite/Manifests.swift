import Foundation
import GatewayControl
import GatewayModel
import GatewayWorkbench

/// The suite's manifests as objects, with what a cluster would add: EndpointSlices for the pods, and the Secrets that
/// the suite itself makes.
struct Manifests {
    private static let root = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("shared/data/gateway-api/conformance")

    /// The data is beside the repository; without it the tests are skipped, and say so.
    static let areThere = FileManager.default.fileExists(atPath: root.appendingPathComponent("base").path)

    let objects: [GatewayObject]
    let diagnostics: [Diagnostic]

    /// Base manifests and one test's.
    init(_ test: String, pods: Pods) throws {
        var texts: [ConfigurationLoad.Text] = []
        for file in ["base/manifests.yaml", "tests/\(test).yaml"] {
            let text = try String(contentsOf: Manifests.root.appendingPathComponent(file), encoding: .utf8)
                .replacingOccurrences(of: "{GATEWAY_CLASS_NAME}", with: "sluice")
            texts.append(ConfigurationLoad.Text(bytes: Array(text.utf8), file: file))
        }
        texts.append(ConfigurationLoad.Text(bytes: Array(try Self.secrets().utf8), file: "secrets.yaml"))
        let written = ConfigurationLoad(texts: texts, mode: .tolerant)
        // A cluster's controllers fill in the addresses; hand-made slices are filled in by the suite.
        let slices = Self.slices(written.set.services, pods: pods)
        texts.append(ConfigurationLoad.Text(bytes: Array(slices.utf8), file: "slices.yaml"))
        let load = ConfigurationLoad(texts: texts, mode: .tolerant)
        objects = load.set.objects
        diagnostics = load.diagnostics
    }

    /// One slice for each pod and Service, since every pod has a port of its own.
    private static func slices(_ services: [Service], pods: Pods) -> String {
        var text = ""
        for service in services {
            let isManual = service.metadata.name.hasSuffix("manual-endpointslices")
            let app = isManual ? "infra-backend-v1" : service.spec.selector["app"] ?? ""
            let own = pods.all.filter { $0.namespace == service.metadata.namespace && $0.app == app }
            for (index, pod) in own.enumerated() {
                text += """
                    ---
                    apiVersion: discovery.k8s.io/v1
                    kind: EndpointSlice
                    metadata:
                      name: \(service.metadata.name)-pod-\(index)
                      namespace: \(service.metadata.namespace)
                      labels: {kubernetes.io/service-name: \(service.metadata.name)}
                    addressType: IPv4
                    ports:

                    """
                for port in service.spec.ports {
                    text += "- {name: \"\(port.name ?? "")\", port: \(pod.server.port)}\n"
                }
                text += "endpoints: [{addresses: [\"127.0.0.1\"], conditions: {ready: true}}]\n"
            }
        }
        return text.isEmpty ? "---\n" : text
    }

    private static func secrets() throws -> String {
        let certificate = try TestCertificate.shared.get()
        return """
            apiVersion: v1
            kind: Secret
            metadata: {name: tls-validity-checks-certificate, namespace: \(Pods.infrastructure)}
            type: kubernetes.io/tls
            data:
              tls.crt: \(Data(certificate.certificate.utf8).base64EncodedString())
              tls.key: \(Data(certificate.key.utf8).base64EncodedString())

            """
    }
}

/// A certificate of the names the suite's certificate has, made once.
struct TestCertificate: Sendable {
    var certificate: String
    var key: String

    static let shared = Result { try make() }

    private static func make() throws -> TestCertificate {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("sluice-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let certificate = folder.appendingPathComponent("tls.crt")
        let key = folder.appendingPathComponent("tls.key")
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
            "-days", "2", "-subj", "/CN=example.org", "-addext",
            "subjectAltName=DNS:example.org,DNS:*.example.org,DNS:second-example.org,DNS:*.wildcard.org", "-keyout",
            key.path, "-out", certificate.path,
        ]
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        return TestCertificate(
            certificate: try String(contentsOf: certificate, encoding: .utf8),
            key: try String(contentsOf: key, encoding: .utf8))
    }
}
