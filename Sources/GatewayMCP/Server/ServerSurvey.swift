import GatewayModel
import GatewayProxy
import GatewayWire

/// Asks servers what they are and can, and makes one description of it.
final class ServerSurvey {
    /// What one server says: the JSON of its `DiscoverResult` or `InitializeResult`.
    struct Finding {
        var server: CompiledServer
        var description: JSONObject?
        var session: LiveServers.Session?
        var problem: GatewayError?
    }

    private let caller: ServerCaller
    private let services: MCPServices
    private let worker: Worker
    private var findings: [Finding]
    private var openCount = 0
    private var done: (([Finding]) -> Void)?

    init(_ servers: [CompiledServer], _ caller: ServerCaller, _ services: MCPServices, on worker: Worker) {
        self.caller = caller
        self.services = services
        self.worker = worker
        findings = servers.map { Finding(server: $0) }
    }

    func start(_ done: @escaping ([Finding]) -> Void) {
        self.done = done
        openCount = findings.count
        guard openCount > 0 else { return finish() }
        for index in findings.indices { ask(index) }
    }

    /// The client has gone: what is opened for a session of which nobody will know is closed, now or when it is open.
    func cancel() {
        done = nil
        for index in findings.indices { forget(index) }
    }

    private func forget(_ index: Int) {
        let server = findings[index].server
        guard caller.session != nil, let session = services.live.take(caller.scope(server)) else { return }
        worker.ended(session, atNanoseconds: worker.now)
        opening(server).close(session)
    }

    private func ask(_ index: Int) {
        let server = findings[index].server
        if let refusal = services.health.refusal(of: server) {
            findings[index].problem = refusal
            return settle(index)
        }
        switch services.live.era(of: server) {
        case .stateless(let discovered): return settle(index, discovered)
        case .session: return open(index)
        case nil where server.protocol == .session: return open(index)
        case nil: break
        }
        opening(server).probe { [self] era in
            guard done != nil else { return }
            switch era {
            case .failure(let error):
                findings[index].problem = error
                settle(index)
            case .success(.stateless(let discovered)): settle(index, discovered)
            case .success(.session): open(index)
            }
        }
    }

    private func opening(_ server: CompiledServer) -> ServerOpening {
        ServerOpening(server: server, services: services, worker: worker)
    }

    private func open(_ index: Int) {
        let server = findings[index].server
        if let known = services.live.session(caller.scope(server), now: worker.now), !known.result.isEmpty {
            findings[index].session = known
            return settle(index, known.result)
        }
        opening(server).open(caller) { [self] outcome in
            guard done != nil else { return forget(index) }
            switch outcome {
            case .failure(let error):
                findings[index].problem = error
                settle(index)
            case .success(let session):
                findings[index].session = session
                settle(index, session.result)
            }
        }
    }

    private func settle(_ index: Int, _ description: [UInt8]? = nil) {
        findings[index].description = description.flatMap { (try? JSONTree.parse($0))?.object }
        openCount -= 1
        if openCount == 0 { finish() }
    }

    private func finish() {
        let done = done
        self.done = nil
        done?(findings)
    }

    // MARK: One description of all

    static let ownInfo: JSONTree = ["name": "sluice", "version": "1"]

    /// What all of them can, together; of each what `known` leaves.
    static func capabilities(
        _ findings: [Finding], known: (Finding, JSONObject) -> JSONObject
    ) -> JSONObject {
        var merged: JSONObject = [:]
        for finding in findings {
            guard let own = finding.description?["capabilities"]?.object else { continue }
            merged = merge(merged, known(finding, own))
        }
        return merged
    }

    /// Who the client speaks to: one server itself, or the gateway for several.
    static func info(_ findings: [Finding]) -> JSONTree {
        guard findings.count == 1, let description = findings.first?.description else { return ownInfo }
        return description["_meta"]?[MCPName.serverInfoMeta] ?? description["serverInfo"] ?? ownInfo
    }

    static func instructions(_ findings: [Finding]) -> String? {
        let texts = findings.compactMap { finding -> String? in
            guard let text = finding.description?["instructions"]?.string?.value, !text.isEmpty,
                // They go where a model obeys them, and nobody approves them.
                !HiddenText.isHiding(text)
            else { return nil }
            return findings.count == 1 ? text : "\(finding.server.shownName): \(text)"
        }
        return texts.isEmpty ? nil : texts.joined(separator: "\n\n")
    }

    /// Objects are joined, flags are true if one is, of anything else the first stays.
    private static func merge(_ left: JSONObject, _ right: JSONObject) -> JSONObject {
        var merged = left
        for member in right.members {
            let name = member.name.value
            switch (merged[name], member.value) {
            case (nil, let value): merged[name] = value
            case (.object(let one), .object(let other)): merged[name] = .object(merge(one, other))
            case (.bool(let one), .bool(let other)): merged[name] = .bool(one || other)
            default: break
            }
        }
        return merged
    }
}
