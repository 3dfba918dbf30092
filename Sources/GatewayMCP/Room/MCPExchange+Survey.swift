import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayWire

/// `server/discover` and `initialize`: what the servers of this path are and can, in the words of the client's time.
extension MCPExchange {
    func surveyServers(_ call: ClientCall) {
        var caller = caller(call)
        if !call.isStateless {
            guard let revision = openRevision(call) else {
                return answer(
                    ClientFault(
                        JSONRPCCode.invalidParams, "params.protocolVersion is missing", status: 400, id: call.id))
            }
            caller.capabilities = Capabilities.known(object(call.json("capabilities")) ?? Array("{}".utf8))
            caller.clientInfo = object(call.json("clientInfo"))
            caller.session = ClientSession(
                id: SessionID.make(), revision: revision, place: view.place, owner: owner,
                capabilities: caller.capabilities, clientInfo: caller.clientInfo, opened: [],
                openedMilliseconds: nowMilliseconds)
        }
        let survey = ServerSurvey(view.servers, caller, services, on: worker)
        self.survey = survey
        armTimer()
        survey.start { [self, caller] findings in
            self.survey = nil
            guard exchange != nil else { return }
            let findings = redacted(welcomed(findings, caller, call))
            let problems = findings.compactMap(\.problem)
            if let first = problems.first, problems.count == findings.count {
                let status = first.code == .overloaded ? 503 : 502
                return answer(ClientFault(first, id: call.id, status: call.isStateless ? 200 : status))
            }
            if call.isStateless {
                finish(result: discovered(findings).bytes, of: call)
            } else if let session = caller.session {
                open(session, findings, call)
            }
        }
    }

    /// What servers say of themselves, without what policies hide.
    private func redacted(_ findings: [ServerSurvey.Finding]) -> [ServerSurvey.Finding] {
        findings.map { finding in
            var rules = rules(of: finding.server)
            var finding = finding
            for name in ["instructions", "serverInfo", "_meta"] {
                guard let said = finding.description?[name] else { continue }
                finding.description?[name] = rules.redacted(said)
            }
            note?.redactions += rules.redactions
            return finding
        }
    }

    /// The revision to speak: the client's, or the newest of ours that has sessions.
    private func openRevision(_ call: ClientCall) -> MCPRevision? {
        guard let asked = call.string("protocolVersion") else { return nil }
        guard let known = MCPRevision(rawValue: asked), !known.isStateless, known >= .v20250326 else {
            return .newestSession
        }
        return known
    }

    private func object(_ json: [UInt8]?) -> [UInt8]? {
        guard let json, json.first == 0x7B, json.count <= 4096 else { return nil }
        return json
    }

    private func discovered(_ findings: [ServerSurvey.Finding]) -> JSONTree {
        let capabilities = ServerSurvey.capabilities(findings) { finding, own in
            Capabilities.known(own, keepsTasks: finding.session == nil)
        }
        var result: JSONObject = [
            "resultType": "complete",
            "supportedVersions": .array(MCPRevision.served.map { .text($0.rawValue) }),
            "capabilities": .object(capabilities),
        ]
        if let text = ServerSurvey.instructions(findings) { result["instructions"] = .text(text) }
        result["ttlMs"] = 0
        result["cacheScope"] = "private"
        result["_meta"] = .object([MCPName.serverInfoMeta: ServerSurvey.info(findings)])
        return .object(result)
    }

    private func open(_ session: ClientSession, _ findings: [ServerSurvey.Finding], _ call: ClientCall) {
        let opened = findings.compactMap { finding in
            finding.session.map {
                ClientSession.Opened(server: finding.server.name, id: $0.id ?? "", revision: $0.revision)
            }
        }
        let session = ClientSession(
            id: session.id, revision: session.revision, place: session.place, owner: session.owner,
            capabilities: session.capabilities, clientInfo: session.clientInfo, opened: opened,
            openedMilliseconds: session.openedMilliseconds)
        guard let sealed = session.sealed(services.seal) else {
            return answer(
                ClientFault(
                    JSONRPCCode.invalidParams, "the session would be too large: say less of capabilities",
                    status: 400, id: call.id))
        }
        let knowsTasks = session.revision >= .v20251125
        let capabilities = ServerSurvey.capabilities(findings) { finding, own in
            let isSame = (finding.session?.revision ?? .stateless) == .v20251125
            return knowsTasks && isSame ? Capabilities.sessionTasks(own) : Capabilities.known(own, keepsTasks: false)
        }
        var result: JSONObject = [
            "protocolVersion": .text(session.revision.rawValue),
            "capabilities": .object(capabilities),
            "serverInfo": ServerSurvey.info(findings),
        ]
        if let text = ServerSurvey.instructions(findings) { result["instructions"] = .text(text) }
        openedSession = sealed
        finish(result: JSONTree.object(result).bytes, of: call)
    }

    func setLevel(_ call: ClientCall) throws(ClientFault) {
        let levels = ["debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"]
        guard let level = call.string("level"), levels.contains(level) else {
            throw ClientFault(JSONRPCCode.invalidParams, "params.level is none of the levels", id: call.id)
        }
        if let session = call.session { services.clients.setLevel(level, session.id) }
        let caller = caller(call)
        // Servers without sessions hear it with each request.
        let open = view.servers.compactMap { server in openSession(server, caller).map { (server, $0) } }
        // What is called next must find the level set.
        let all = AwaitedAll(open.count, on: worker) { [self] in finish(result: Array("{}".utf8), of: call) }
        for (server, session) in open {
            ServerOpening(server: server, services: services, worker: worker).setLevel(level, session) { all.one() }
        }
        armTimer()
    }

    /// A session that is open at a server for this caller; nil where there is none yet.
    func openSession(_ server: CompiledServer, _ caller: ServerCaller) -> LiveServers.Session? {
        if let known = services.live.session(caller.scope(server), now: worker.now) { return known }
        guard let opened = caller.session?.opened.first(where: { $0.server == server.name }) else { return nil }
        return LiveServers.Session(
            id: opened.id.isEmpty ? nil : opened.id, revision: opened.revision, result: [],
            usedNanoseconds: worker.now)
    }
}

/// Random names of sessions.
enum SessionID {
    static func make() -> String {
        String(UInt64.random(in: .min ... .max), radix: 36) + String(UInt64.random(in: .min ... .max), radix: 36)
    }
}
