import GatewayModel
import GatewayRuntime
import Testing

/// Runs the manifests of one upstream test.
enum Conformance {
    static let v1 = "infra-backend-v1"
    static let v2 = "infra-backend-v2"
    static let v3 = "infra-backend-v3"

    /// Starts pods and the data planes of the named gateways, and stops them after `body`.
    static func with(
        _ manifest: String, gateways: [String] = ["same-namespace"], replicas: Int? = nil,
        _ body: (Environment) async throws -> Void
    ) async throws {
        let pods = try await Pods.start(replicas: replicas)
        var edges: [Edge] = []
        var failure: (any Error)?
        do {
            let manifests = try Manifests(manifest, pods: pods)
            let errors = manifests.diagnostics.filter { $0.severity == .error }
            #expect(errors.isEmpty, "\(errors.map(\.description))")
            for gateway in gateways { edges.append(try await Edge.start(gateway, manifests.objects)) }
            try await body(Environment(pods: pods, edges: edges, objects: manifests.objects))
        } catch {
            failure = error
        }
        for edge in edges { try await edge.stop() }
        await pods.stop()
        if let failure { throw failure }
    }

    struct Environment: Sendable {
        let pods: Pods
        let edges: [Edge]
        let objects: [GatewayObject]
        /// The first of the named gateways.
        var edge: Edge { edges[0] }
    }

    /// The plain form of most tests: every route is accepted and resolved, and every request meets its expectation.
    static func run(
        _ manifest: String, gateway: String = "same-namespace", routes: [String], _ cases: [Case],
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await with(manifest, gateways: [gateway]) { environment in
            for route in routes {
                for type in ["Accepted", "ResolvedRefs"] {
                    let condition = environment.edge.condition(type, ofRoute: route)
                    #expect(
                        condition?.isTrue == true, "\(route) \(type) \(String(describing: condition))",
                        sourceLocation: sourceLocation)
                }
            }
            for item in cases { try await item.run(on: environment.edge, sourceLocation: sourceLocation) }
        }
    }
}
