import GatewayModel
import GatewayProxy

/// A listener of a Gateway while a snapshot is made. A class, because routes count themselves in while others look.
final class ListenerDraft {
    let gateway: ObjectKey
    /// Its place in `spec.listeners`.
    let index: Int
    let name: String
    /// Lower case; empty for any.
    let hostname: String
    let port: Int
    let isTLS: Bool
    private(set) var supportedKinds: [String] = []
    var attachedRoutes = 0
    var certificates: [TLSPort.Entry] = []
    /// Set for what is wrong: the condition's reason.
    var notAccepted: (reason: String, message: String)?
    var conflict: (reason: String, message: String)?
    var unresolved: (reason: String, message: String)?
    /// Position among the listeners of its port; -1 when it does not serve.
    var position = -1

    /// `namespace/gateway/listener`.
    var qualifiedName: String { "\(gateway.namespace)/\(gateway.name)/\(name)" }
    /// Whether requests may come by it.
    var isServing: Bool { notAccepted == nil && conflict == nil && (!isTLS || !certificates.isEmpty) }

    init(_ listener: GatewayListener, index: Int, of gateway: ObjectKey) {
        self.gateway = gateway
        self.index = index
        name = listener.name
        hostname = listener.hostname?.text ?? ""
        port = listener.port
        isTLS = listener.protocol == "HTTPS"
        if listener.protocol != "HTTP", listener.protocol != "HTTPS" {
            notAccepted = ("UnsupportedProtocol", "the protocol is not supported: \(listener.protocol)")
        }
        readKinds(listener.allowedRoutes?.kinds ?? [])
    }

    /// The listener of the default gateway.
    init(defaultOf gateway: ObjectKey, port: Int) {
        self.gateway = gateway
        index = 0
        name = "http"
        hostname = ""
        self.port = port
        isTLS = false
        supportedKinds = ["HTTPRoute"]
    }

    private func readKinds(_ asked: [RouteGroupKind]) {
        guard notAccepted == nil else { return }
        guard !asked.isEmpty else {
            supportedKinds = ["HTTPRoute"]
            return
        }
        let known = asked.filter { $0.group == ObjectKind.gatewayGroup && $0.kind == "HTTPRoute" }
        supportedKinds = known.isEmpty ? [] : ["HTTPRoute"]
        if known.count < asked.count {
            let names = asked.filter { !known.contains($0) }.map(\.kind).joined(separator: ", ")
            unresolved = ("InvalidRouteKinds", "routes of this kind cannot attach: \(names)")
        }
    }

    var status: ListenerStatus {
        var conditions: [StatusCondition] = []
        let refusal = conflict ?? notAccepted
        conditions.append(
            StatusCondition("Accepted", refusal == nil, refusal?.reason ?? "Accepted", refusal?.message ?? ""))
        conditions.append(
            StatusCondition("Conflicted", conflict != nil, conflict?.reason ?? "NoConflicts", conflict?.message ?? ""))
        conditions.append(
            StatusCondition(
                "ResolvedRefs", unresolved == nil, unresolved?.reason ?? "ResolvedRefs", unresolved?.message ?? ""))
        conditions.append(
            StatusCondition(
                "Programmed", isServing, isServing ? "Programmed" : "Invalid",
                isServing ? "" : "see the other conditions"))
        return ListenerStatus(
            name: name, supportedKinds: supportedKinds, attachedRoutes: attachedRoutes, conditions: conditions)
    }
}
