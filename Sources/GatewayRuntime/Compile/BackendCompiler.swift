import GatewayModel
import GatewayProxy

/// Turns references into backends: Services by their EndpointSlices, and Backends. One backend is made once, however
/// many rules name it, so that its pools and its health are one.
final class BackendCompiler {
    private let index: ObjectIndex
    private let grants: ReferenceGrantIndex
    private let certificates: CertificateReader
    private let policies: PolicyIndex
    private let options: SnapshotCompiler.Options
    private var known: [String: CompiledBackend] = [:]
    /// In the order of first use.
    private(set) var all: [CompiledBackend] = []

    init(
        index: ObjectIndex, grants: ReferenceGrantIndex, certificates: CertificateReader, policies: PolicyIndex,
        options: SnapshotCompiler.Options
    ) {
        self.index = index
        self.grants = grants
        self.certificates = certificates
        self.policies = policies
        self.options = options
    }

    /// A reference as routes, weights and mirrors write it.
    struct Reference {
        var group: String
        var kind: String
        var name: String
        var namespace: String?
        var port: Int?

        init(_ reference: HTTPBackendRef) {
            (group, kind, name) = (reference.group, reference.kind, reference.name)
            (namespace, port) = (reference.namespace, reference.port)
        }

        init(_ reference: BackendObjectReference) {
            (group, kind, name) = (reference.group, reference.kind, reference.name)
            (namespace, port) = (reference.namespace, reference.port)
        }
    }

    /// The backend of a reference made by a route. `routePolicies` apply where the backend's own say nothing.
    func resolve(
        _ reference: Reference, from route: ObjectMeta, routePolicies: EffectivePolicies
    ) throws(ReferenceProblem) -> CompiledBackend {
        let namespace = reference.namespace ?? route.namespace
        let qualified = "\(namespace)/\(reference.name)"
        let isService = reference.group.isEmpty && reference.kind == "Service"
        let isBackend = reference.group == ObjectKind.sluiceGroup && reference.kind == "Backend"
        guard isService || isBackend else {
            throw ReferenceProblem("InvalidKind", "a route cannot send to this kind: \(reference.kind)")
        }
        // Before looking: whoever may not refer must not learn what exists.
        let source = ObjectKey(.httpRoute, namespace: route.namespace, name: route.name)
        let target = ObjectKey(
            group: reference.group, kind: reference.kind, namespace: namespace, name: reference.name)
        guard grants.permits(from: source, to: target) else {
            throw ReferenceProblem("RefNotPermitted", "no ReferenceGrant permits the backend: \(qualified)")
        }
        return isService
            ? try service(qualified, port: reference.port, routePolicies)
            : try backend(qualified, routePolicies)
    }

    // MARK: Services

    private func service(
        _ qualified: String, port: Int?, _ routePolicies: EffectivePolicies
    ) throws(ReferenceProblem) -> CompiledBackend {
        guard let service = index.services[qualified] else {
            throw ReferenceProblem("BackendNotFound", "the backend does not exist: Service \(qualified)")
        }
        guard service.spec.type != "ExternalName" else {
            // Its name could lead anywhere, the gateway's own loopback included (CVE-2021-25740).
            throw ReferenceProblem("BackendNotFound", "an ExternalName Service is never routed to: \(qualified)")
        }
        guard let servicePort = service.spec.ports.first(where: { $0.port == port && $0.protocol == "TCP" }) else {
            throw ReferenceProblem("BackendNotFound", "the Service has no TCP port \(port ?? 0): \(qualified)")
        }
        let name = "Service/\(qualified):\(servicePort.port)"
        let own = policies.effective(
            backend: "Service", namespace: service.metadata.namespace, name: service.metadata.name,
            port: servicePort.name)
        let transport = try transport(servicePort.appProtocol, qualified)
        return make(name, own: own, routePolicies, health: nil, transport: transport) {
            ServiceEndpoints.find(service, servicePort, index.slices[qualified] ?? [])
        }
    }

    private func transport(_ appProtocol: String?, _ qualified: String) throws(ReferenceProblem) -> UpstreamTransport {
        switch appProtocol {
        case nil, "http", "tcp", "kubernetes.io/ws": return UpstreamTransport(http: .http1)
        case "kubernetes.io/h2c", "grpc": return UpstreamTransport(http: .http2)
        case .some(let other):
            throw ReferenceProblem(
                "UnsupportedProtocol", "the Service's appProtocol is not supported: \(other) of \(qualified)")
        }
    }

    // MARK: Backends

    private func backend(
        _ qualified: String, _ routePolicies: EffectivePolicies
    ) throws(ReferenceProblem) -> CompiledBackend {
        guard let backend = index.backends[qualified] else {
            throw ReferenceProblem("BackendNotFound", "the backend does not exist: Backend \(qualified)")
        }
        let own = policies.effective(
            backend: "Backend", namespace: backend.metadata.namespace, name: backend.metadata.name, port: nil)
        let name = "Backend/\(qualified)"
        if let made = known[variant(name, own, routePolicies)] { return made }
        return make(
            name, own: own, routePolicies, health: backend.spec.healthCheck.map(ActiveHealthCheck.init),
            transport: try transport(backend)
        ) {
            backend.spec.endpoints.filter { $0.weight > 0 }.map {
                EndpointSpec(host: $0.host, port: $0.port, weight: $0.weight)
            }
        }
    }

    private func transport(_ backend: Backend) throws(ReferenceProblem) -> UpstreamTransport {
        let http: UpstreamTransport.HTTP
        switch backend.spec.protocol {
        case .http, .https: http = .http1
        case .h2c, .h2: http = .http2
        }
        guard backend.spec.protocol.usesTLS else { return UpstreamTransport(http: http) }
        let source = ObjectKey(.backend, namespace: backend.metadata.namespace, name: backend.metadata.name)
        let tls = backend.spec.tls
        var identity: CertificateReader.Identity?
        if let reference = tls?.clientCertificateRef {
            identity = try certificates.identity(reference, from: source)
        }
        let roots = try certificates.roots(tls?.caCertificateRefs ?? [], from: source)
        let minVersion = tls?.minVersion ?? .v12
        let context = try certificates.clientContext(
            roots: roots, identity: identity, minVersion: minVersion,
            protocols: http == .http2 ? ["h2"] : ["http/1.1"])
        // By what it was made of, so that pools live on when a reload changes nothing.
        let fingerprint =
            "\(backend.metadata.qualifiedName)|\(backend.spec.protocol)|\(tls?.serverName ?? "")|\(minVersion)|"
            + "\(roots.digest)|\(identity?.digest ?? 0)"
        return UpstreamTransport(
            http: http, tls: UpstreamTLS(context: context, serverName: tls?.serverName, fingerprint: fingerprint))
    }

    // MARK: Both

    /// A backend that policies of routes treat differently is another backend, with state of its own.
    private func variant(_ name: String, _ own: EffectivePolicies, _ routePolicies: EffectivePolicies) -> String {
        let signature = own.followed(by: routePolicies).backendSignature
        let foreign = signature.filter { policy in !own.ordered.contains { $0.metadata.qualifiedName == policy } }
        return foreign.isEmpty ? name : "\(name)@\(foreign.joined(separator: ","))"
    }

    private func make(
        _ name: String, own: EffectivePolicies, _ routePolicies: EffectivePolicies, health: ActiveHealthCheck?,
        transport: UpstreamTransport, endpoints: () -> [EndpointSpec]
    ) -> CompiledBackend {
        let name = variant(name, own, routePolicies)
        if let made = known[name] { return made }
        let settings = own.followed(by: routePolicies)
        let backend = CompiledBackend(
            name: name, metricSlot: options.backendSlot(name), endpoints: endpoints(), transport: transport,
            loadBalancing: settings.loadBalancing, health: health, outlier: settings.outlier,
            circuit: settings.circuit, slowStartNanoseconds: settings.slowStartNanoseconds)
        known[name] = backend
        all.append(backend)
        return backend
    }
}

/// The addresses behind a port of a Service.
enum ServiceEndpoints {
    /// Over all slices of the Service, ready ones only, each once. A slice's port belongs to the Service's port of the
    /// same name.
    static func find(_ service: Service, _ port: ServicePort, _ slices: [EndpointSlice]) -> [EndpointSpec] {
        var result: [EndpointSpec] = []
        var seen: Set<EndpointSpec> = []
        for slice in slices where slice.addressType != "FQDN" {
            for number in numbers(port, slice) {
                for endpoint in slice.endpoints where endpoint.isReady {
                    guard let address = endpoint.addresses.first else { continue }
                    let spec = EndpointSpec(host: address, port: number)
                    if seen.insert(spec).inserted { result.append(spec) }
                }
            }
        }
        return result
    }

    private static func numbers(_ port: ServicePort, _ slice: EndpointSlice) -> [Int] {
        slice.ports.compactMap { slicePort in
            guard slicePort.protocol == "TCP", (slicePort.name ?? "") == (port.name ?? "") else { return nil }
            if let number = slicePort.port { return number }
            // A slice port without a number means any: then the Service says which.
            if case .number(let number) = port.targetPort { return number }
            return port.port
        }
    }
}
