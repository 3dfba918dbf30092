import GatewayWorkbench

/// Mock backends in the place of the suite's Deployments: one server on loopback for every pod.
struct Pods: Sendable {
    /// What the base manifests deploy, by namespace.
    private static let deployments: [(namespace: String, app: String, replicas: Int)] = [
        (infrastructure, "infra-backend-v1", 2), (infrastructure, "infra-backend-v2", 2),
        (infrastructure, "infra-backend-v3", 1), ("gateway-conformance-app-backend", "app-backend-v1", 2),
        ("gateway-conformance-app-backend", "app-backend-v2", 2),
        ("gateway-conformance-web-backend", "web-backend", 2),
    ]
    static let infrastructure = "gateway-conformance-infra"

    struct Pod: Sendable {
        var namespace: String
        var app: String
        var server: MockHTTPServer
    }

    let all: [Pod]

    /// - Parameter replicas: Pods of each Deployment; as the manifests say by default.
    static func start(replicas: Int? = nil) async throws -> Pods {
        var all: [Pod] = []
        for deployment in deployments {
            for index in 0..<(replicas ?? deployment.replicas) {
                var options = MockHTTPServer.Options()
                options.pod = MockPod(
                    namespace: deployment.namespace, service: deployment.app,
                    pod: "\(deployment.app)-5d69f5b4c7-\(index)")
                let server = try await MockHTTPServer.start(options)
                all.append(Pod(namespace: deployment.namespace, app: deployment.app, server: server))
            }
        }
        return Pods(all: all)
    }

    func stop() async {
        for pod in all { await pod.server.stop() }
    }

    func of(_ app: String) -> [Pod] { all.filter { $0.app == app } }
}
