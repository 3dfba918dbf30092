import GatewayControl
import GatewayModel
import GatewayProxy
import GatewayRuntime
import GatewayWire
import Testing

/// Objects written as YAML, compiled.
struct Compilation {
    let result: SnapshotCompiler.Result
    let diagnostics: [Diagnostic]

    init(_ yaml: String, _ adjust: (inout SnapshotCompiler.Options) -> Void = { _ in }) {
        let load = ConfigurationLoad(
            texts: [ConfigurationLoad.Text(bytes: Array(yaml.utf8), file: "test.yaml")], mode: .tolerant)
        diagnostics = load.diagnostics
        var options = SnapshotCompiler.Options()
        adjust(&options)
        result = SnapshotCompiler.compile(load.set.objects, revision: 7, options: options)
    }

    var snapshot: Snapshot { result.snapshot }

    /// What a request to a port is matched with.
    func match(
        _ target: String, host: String = "example.com", method: GatewayWire.HTTPMethod = .get, port: Int = 80
    ) throws -> RouteMatch {
        var head = RequestHead()
        head.method = method
        head.methodName = head.fields.store(Array("GET".utf8))
        let (name, path) = (Array(host.utf8), Array(target.utf8))
        try head.setAuthority(name.span)
        try head.setTarget(path.span)
        let table = try #require(snapshot.table(port: port))
        return table.router.match(head, serverName: [])
    }

    /// The rule of a request that has one.
    func rule(
        _ target: String, host: String = "example.com", method: GatewayWire.HTTPMethod = .get, port: Int = 80
    ) throws -> CompiledRule? {
        if case .rule(let rule, _, _) = try match(target, host: host, method: method, port: port) { rule } else { nil }
    }

    /// The backends of a rule that forwards.
    func backends(_ target: String, port: Int = 80) throws -> [WeightedBackend] {
        guard case .forward(let backends, _)? = try rule(target, port: port)?.action else { return [] }
        return backends
    }

    func condition(_ type: String, _ route: String, parent: Int = 0) -> StatusCondition? {
        let status = result.statuses.first { $0.key.kind == "HTTPRoute" && $0.key.name == route }
        guard let status, status.parents.indices.contains(parent) else { return nil }
        return status.parents[parent].conditions[type]
    }

    func listener(_ gateway: String, _ name: String) -> ListenerStatus? {
        result.statuses.first { $0.key.kind == "Gateway" && $0.key.name == gateway }?.listeners
            .first { $0.name == name }
    }
}

extension WeightedBackend {
    /// The backend's name, or the code of its refusal.
    var targetName: String {
        switch target {
        case .backend(let backend): backend.name
        case .refuse(let error): "\(error.code)"
        case .redirect(let redirect): "redirect \(redirect.status)"
        case .respond(let fixed): "respond \(fixed.status)"
        }
    }

    var compiled: CompiledBackend? { if case .backend(let backend) = target { backend } else { nil } }
}

/// Pieces that most tests need.
enum Pieces {
    static let gateway = """
        apiVersion: gateway.networking.k8s.io/v1
        kind: Gateway
        metadata: {name: edge}
        spec:
          gatewayClassName: sluice
          listeners: [{name: http, protocol: HTTP, port: 80}]
        ---

        """

    static let backend = """
        apiVersion: sluice.dev/v1alpha1
        kind: Backend
        metadata: {name: app}
        spec: {endpoints: [{host: 127.0.0.1, port: 9000}]}
        ---

        """

    /// A route to `edge` with these rules, as a flow sequence.
    static func route(_ rules: String, name: String = "app", parents: String = "[{name: edge}]") -> String {
        """
        apiVersion: gateway.networking.k8s.io/v1
        kind: HTTPRoute
        metadata: {name: \(name)}
        spec:
          parentRefs: \(parents)
          rules: \(rules)
        ---

        """
    }

    static let toApp = "backendRefs: [{group: sluice.dev, kind: Backend, name: app}]"

    static func service(_ name: String, port: String = "{port: 80, targetPort: 8080}", extra: String = "") -> String {
        """
        apiVersion: v1
        kind: Service
        metadata: {name: \(name)}
        spec: {ports: [\(port)]\(extra)}
        ---

        """
    }

    static func slice(
        _ name: String, of service: String, port: String = "{port: 8080}", endpoints: String,
        addressType: String = "IPv4"
    ) -> String {
        """
        apiVersion: discovery.k8s.io/v1
        kind: EndpointSlice
        metadata: {name: \(name), labels: {kubernetes.io/service-name: \(service)}}
        addressType: \(addressType)
        ports: [\(port)]
        endpoints: \(endpoints)
        ---

        """
    }
}
