import GatewayMCP
import GatewayModel
import GatewayProxy
import GatewayRecords

/// Servers of tools that are asked how they are: what is found shows in metrics and in their status.
extension GatewayProcess {
    func checkTools(_ servers: [CompiledServer]) async throws {
        guard !servers.isEmpty || !tools.health.isIdle else { return }
        try await plane.onOneWorker { [tools, registry] worker in
            tools.health.follow(servers, tools, on: worker) { server, isHealthy in
                let (backend, address) = (server.backend.name, server.address)
                guard let isHealthy else {
                    return registry.process.keepEndpoints { $0 != backend || $1 != address }
                }
                registry.process.setHealth(backend: backend, address: address, isHealthy: isHealthy)
            }
        }
    }

    /// Statuses with what the checks have found.
    func withHealth(_ statuses: [ObjectStatus]) -> [ObjectStatus] {
        var findings = tools.health.findings
        // Those that are asked how they are say so themselves.
        for (name, trouble) in processes.troubles where findings[name] == nil {
            findings[name] = ServerHealth.Finding(isHealthy: false, reason: trouble)
        }
        guard !findings.isEmpty else { return statuses }
        return statuses.map { status in
            guard status.key.kind == ObjectKind.mcpServer.rawValue,
                let finding = findings["\(status.key.namespace)/\(status.key.name)"]
            else { return status }
            var copy = status
            let reason = finding.isHealthy ? "Answering" : "NotAnswering"
            copy.conditions.append(StatusCondition("Healthy", finding.isHealthy, reason, finding.reason))
            return copy
        }
    }
}
