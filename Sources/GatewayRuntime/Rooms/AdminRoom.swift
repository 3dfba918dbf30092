import GatewayControl
import GatewayModel
import GatewayProxy
import GatewayRecords
import Glibc
import Synchronization

/// The admin API as a room of the data plane, and what it may ask of this process.
extension GatewayProcess {
    private static let shownConnectionsMax = 1_000

    var adminSocketPath: String { AdminSocket.path(options.stateDirectory) }

    var adminRoom: any RouteHandler {
        let api = AdminAPI(store: store, token: adminToken, services: adminServices)
        return AsyncRoom(bodyBytesMax: AdminAPI.bodyBytesMax) { request in
            var asked = AdminRequest(
                method: request.method, path: request.path, query: request.query, fields: request.fields,
                body: request.body)
            asked.source = request.source
            asked.localPeer = request.localPeer
            asked.certificate = request.certificateFingerprint
            asked.id = request.requestID
            let answer = await api.respond(asked)
            let body: RoomResponse.Body =
                switch answer.body {
                case .bytes(let bytes): .bytes(bytes)
                case .stream(let stream): .stream(stream)
                }
            return RoomResponse(status: answer.status, fields: answer.fields, body: body)
        }
    }

    private var adminServices: AdminServices {
        var services = AdminServices()
        services.snapshot = { [self] in snapshotView() }
        services.explain = { [self] question async throws(GatewayError) in
            let objects = await store.snapshot.set
            return try Explanation.answer(question, snapshot: snapshot, objects: objects, statuses: statuses)
        }
        services.status = { [self] key in statuses.first { $0.key == key }?.node }
        services.facts = { [self] in facts() }
        services.isReady = { [self] in isReady }
        services.isDraining = { [self] in isDraining }
        services.drain = { [self] in requestStop() }
        if case .files(let paths) = options.source, !paths.contains("-") {
            services.reload = { [self] in
                await store.replaceFiles(FileSource(paths: paths, limits: options.limits).load())
            }
        }
        services.view = { [self] view in await self.view(view) }
        services.metrics = { [self] accept in
            let format = PrometheusText.Format(accept: accept)
            return (format.contentType, PrometheusText.render(registry, format: format))
        }
        services.mint = { [self] asked, by async throws(GatewayError) in try await mint(asked, by) }
        services.revoke = { [self] revocation, by async throws(GatewayError) in try await revoke(revocation, by) }
        services.tap = tap
        services.traces = traces
        services.state = state
        services.audit = audit
        return services
    }

    private func facts() -> [(String, ConfigNode)] {
        let listening = boundPorts.filter { $0.key > 0 }.sorted { $0.key < $1.key }.map {
            $0.key == $0.value ? String($0.key) : "\($0.key) as \($0.value)"
        }
        let failing = failingCredentials
        return [
            ("version", .text(ProductVersion.text)), ("pid", .integer(Int(getpid()))),
            ("uptimeSeconds", .integer(max(0, WallTime.seconds - startedSeconds))),
            ("ports", .list(listening.map { .text($0) })),
        ] + (failing.isEmpty ? [] : [("failingCredentials", .list(failing.map { .text($0) }))])
    }

    // MARK: Views

    private func view(_ view: AdminServices.View) async -> ConfigNode? {
        switch view {
        case .endpoints: return endpoints()
        case .connections, .pools, .workers:
            guard let workers = await workers() else { return nil }
            switch view {
            case .connections: return .object([("items", .list(workers.flatMap(Self.connections)))])
            case .pools: return .object([("items", .list(workers.flatMap(Self.pools)))])
            default: return .object([("items", .list(workers.map(Self.worker)))])
            }
        }
    }

    private func workers() async -> [(loop: Int, view: WorkerView)]? {
        do {
            let collected = Collected()
            try await plane.onEachWorker { worker in
                collected.add(worker.view(connectionsMax: Self.shownConnectionsMax))
            }
            return collected.all.enumerated().map { ($0.offset, $0.element) }
        } catch {
            return nil
        }
    }

    /// Views come from several loops, one after the other.
    private final class Collected: Sendable {
        private let views = Mutex<[WorkerView]>([])
        var all: [WorkerView] { views.withLock { $0 } }
        func add(_ view: WorkerView) { views.withLock { $0.append(view) } }
    }

    private static func connections(_ worker: (loop: Int, view: WorkerView)) -> [ConfigNode] {
        worker.view.connections.map {
            .object([
                ("loop", .integer(worker.loop)), ("client", .text($0.client)), ("port", .integer($0.port)),
                ("tls", .flag($0.isTLS)), ("protocol", .text($0.proto)),
            ])
        }
    }

    private static func pools(_ worker: (loop: Int, view: WorkerView)) -> [ConfigNode] {
        worker.view.pools.map {
            .object([
                ("loop", .integer(worker.loop)), ("endpoint", .text($0.endpoint)), ("open", .integer($0.open)),
                ("idle", .integer($0.idle)), ("connecting", .integer($0.connecting)),
                ("waiting", .integer($0.waiting)),
            ])
        }
    }

    private static func worker(_ worker: (loop: Int, view: WorkerView)) -> ConfigNode {
        .object([
            ("loop", .integer(worker.loop)), ("connections", .integer(worker.view.connectionCount)),
            ("pools", .integer(worker.view.pools.count)), ("draining", .flag(worker.view.isDraining)),
        ])
    }

    private func endpoints() -> ConfigNode {
        let rows = snapshot.backends.flatMap { backend in
            directory.endpoints(of: backend).endpoints.map { endpoint -> ConfigNode in
                .object([
                    ("backend", .text(backend.name)), ("endpoint", .text(endpoint.addressText)),
                    ("host", .text(endpoint.host)), ("weight", .integer(endpoint.weight)),
                    ("healthy", .flag(endpoint.isHealthy)), ("inFlight", .integer(endpoint.inFlight)),
                    ("failures", .integer(endpoint.consecutiveFailures)),
                    ("ejections", .integer(endpoint.ejectionCount)),
                ])
            }
        }
        return .object([("items", .list(rows))])
    }

    private func snapshotView() -> ConfigNode {
        let snapshot = snapshot
        let ports = snapshot.ports.filter { $0.port > 0 }.map { table -> ConfigNode in
            .object([
                ("port", .integer(table.port)), ("tls", .flag(table.isTLS)),
                (
                    "listeners",
                    .list(
                        table.listeners.map {
                            .object([("name", .text($0.name)), ("hostname", .text($0.hostname))])
                        })
                ),
            ])
        }
        let backends = snapshot.backends.map { backend -> ConfigNode in
            .object([
                ("name", .text(backend.name)), ("tls", .flag(backend.transport.tls != nil)),
                ("endpoints", .list(backend.endpoints.map { .text("\($0.host):\($0.port)") })),
            ])
        }
        return .object([
            ("revision", .integer(Int(clamping: snapshot.revision))), ("ports", .list(ports)),
            ("backends", .list(backends)),
        ])
    }
}
