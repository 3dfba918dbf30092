import GatewayModel
import GatewayProxy
import GatewayRecords

/// The gateway's own listeners, served by the same data plane as everything else.
extension GatewayProcess {
    /// Keys in the port table that no configured port can have.
    private enum Key {
        static let adminSocket = -1
        static let admin = -2
        static let telemetry = -3
    }

    /// The snapshot with telemetry and admin API beside the configured ports.
    func withOwnPorts(_ snapshot: Snapshot) -> Snapshot {
        var ports = snapshot.ports
        let room = adminRoom
        let socket = GatewayOptions.Address(host: "unix:\(adminSocketPath)", port: 0)
        ports.append(port(Key.adminSocket, at: socket, name: "admin-socket", room: room))
        if let admin = options.admin { ports.append(port(Key.admin, at: admin, name: "admin", room: room)) }
        if let telemetry = options.telemetry {
            ports.append(port(Key.telemetry, at: telemetry, name: "telemetry", room: telemetryRoom))
        }
        return Snapshot(
            revision: snapshot.revision, limits: snapshot.limits, ports: ports, backends: snapshot.backends)
    }

    private func port(
        _ key: Int, at address: GatewayOptions.Address, name: String, room: any RouteHandler
    ) -> PortTable {
        var settings = PortSettings()
        settings.addresses = [address.host]
        let rule = CompiledRule(
            routeName: "sluice/\(name)", ruleIndex: 0, metricSlot: registry.routeSlot("sluice/\(name)"),
            action: .room(room))
        let listeners = [CompiledListener(name: "sluice/\(name)", hostname: "")]
        let entry = RouteEntry(
            listener: 0, hostname: "", path: .prefix(Array("/".utf8)),
            order: RouteOrder(name: "sluice/\(name)", rule: 0, match: 0), rule: rule)
        return PortTable(
            port: key, bindPort: address.port, isTLS: false, settings: settings, listeners: listeners, tls: nil,
            router: Router(listeners: listeners, entries: [entry]))
    }

    private var telemetryRoom: any RouteHandler {
        AsyncRoom(bodyBytesMax: 0) { [self] request in telemetry(request) }
    }

    private func telemetry(_ request: RoomRequest) -> RoomResponse {
        func text(_ status: Int, _ body: String) -> RoomResponse {
            RoomResponse(
                status: status, fields: [("content-type", "text/plain; charset=utf-8")],
                body: .bytes(Array((body + "\n").utf8)))
        }
        switch request.path {
        case "/metrics":
            registry.process.setDropped(
                accessLog: logWriter.droppedLines, tap: tap.lostLines, telemetry: spans?.droppedSpans ?? 0)
            let format = PrometheusText.Format(accept: request.field("accept") ?? "")
            return RoomResponse(
                status: 200, fields: [("content-type", format.contentType)],
                body: .bytes(PrometheusText.render(registry, format: format)))
        case "/healthz": return text(200, "ok")
        case "/readyz": return isReady ? text(200, "ready") : text(503, "not ready")
        default: return text(404, "there is /metrics, /healthz and /readyz")
        }
    }
}
