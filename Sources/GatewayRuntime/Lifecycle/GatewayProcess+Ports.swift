import GatewayControl
import GatewayModel
import GatewayProxy

/// Ports are opened while a configuration is judged: one that cannot be had refuses it, and the last good one goes on
/// serving.
extension GatewayProcess {
    /// Admin API and telemetry, before anything is read: every configuration needs them.
    func claimOwnPorts() throws(GatewayError) {
        guard let error = plane.claimPorts(of: withOwnPorts(.empty)).first else { return }
        let isAdmin = options.admin.map { $0.port == error.bindPort && $0.host == error.address } ?? false
        throw GatewayError(
            .portUnavailable, "\(error), for \(isAdmin ? "the admin API" : "metrics")",
            hint: "does another gateway run here? give --\(isAdmin ? "admin" : "telemetry") HOST:PORT or none")
    }

    /// Opens what a set needs and we have not; the findings name each listener whose port cannot be had.
    func claimPorts(of set: ObjectSet) -> [Diagnostic] {
        let snapshot = withOwnPorts(compile(set, revision: 0).snapshot)
        return plane.claimPorts(of: snapshot).flatMap { Self.findings($0, in: set) }
    }

    private static func findings(_ error: ListenError, in set: ObjectSet) -> [Diagnostic] {
        let hint =
            error.isForbidden
            ? "ports below 1024 need a privilege: setcap cap_net_bind_service=+ep, or choose another port"
            : "see what listens there with ss -ltnp 'sport = :\(error.bindPort)', or choose another port"
        let places = set.objects.flatMap { object -> [(SourcePosition, ConfigPath, ObjectKey)] in
            guard case .gateway(let gateway) = object.content else { return [] }
            return gateway.spec.listeners.enumerated().filter { $1.port == error.port }.map { index, _ in
                let path = ConfigPath.spec["listeners"][index]["port"]
                return (object.document.position(at: path), path, object.key)
            }
        }
        guard !places.isEmpty else {
            // The gateway that listens when no object says so.
            return [
                Diagnostic(
                    .portUnavailable, at: ConfigNode.nowhere, "\(error), for the default listener",
                    hint: "\(hint); a Gateway object in the files moves it")
            ]
        }
        return places.map { position, path, key in
            Diagnostic(
                .portUnavailable, at: position, path: path.description, "\(error) in \(key), \(path)", hint: hint,
                object: key, reason: "PortUnavailable")
        }
    }
}
