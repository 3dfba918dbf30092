import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayWire

/// Lists: of every server all pages, of those what this caller may use, by the names of this path.
extension MCPExchange {
    func list(_ kind: ListKind, _ call: ClientCall) {
        if kind == .tools, view.isSearched { return listFinders(call) }
        guard !call.has("cursor") else {
            return answer(
                ClientFault(JSONRPCCode.invalidParams, "there is no such cursor: lists come whole", id: call.id))
        }
        let gathering = ListGathering(
            kind, view.servers, caller(call), services, room.catalog.governance, on: worker)
        self.gathering = gathering
        armTimer()
        gathering.start { [self] lists in
            self.gathering = nil
            guard exchange != nil else { return }
            let problems = lists.compactMap { list in list.problem.map { (list.server, $0) } }
            if let first = problems.first, problems.count == lists.count {
                if requireConnection(first.1, at: first.0, call) { return }
                return answer(ClientFault(first.1, id: call.id, status: 200))
            }
            if lists.allSatisfy({ $0.isMissing }), call.isStateless || view.isSingle, !lists.isEmpty {
                var fault = ClientFault.unknownMethod(call.method, id: call.id)
                if !call.isStateless { fault.status = 200 }
                return answer(fault)
            }
            if let session = call.session { services.clients.saw(kind, session.id) }
            finish(result: result(kind, lists, problems, call).bytes, of: call)
        }
    }

    private func result(
        _ kind: ListKind, _ lists: [ListGathering.List], _ problems: [(CompiledServer, GatewayError)],
        _ call: ClientCall
    ) -> JSONTree {
        let lists = lists.map { list in
            var list = list
            list.items = list.items.filter { item in
                isListed(kind.item, item[kind.name]?.string?.value ?? "", list.server)
                    && (kind != .tools || isUsable(item, at: list.server))
            }
            return list
        }
        let names = SharedNames(kind, lists, view)
        var items: [JSONTree] = []
        for list in lists {
            for item in redacted(list, kind) {
                guard var object = item.object, let own = object[kind.name]?.string?.value,
                    let shown = names.shown(own, of: list.server)
                else { continue }
                if shown != own { object[kind.name] = .text(shown) }
                items.append(.object(object))
            }
        }
        note?.shownCount = items.count
        var result: JSONObject = [:]
        result[kind.member] = .array(items)
        var meta: JSONObject = [:]
        var notes = problems.map { server, error in JSONTree.text("\(server.shownName): \(error.message)") }
        notes += names.collisions.map { .text("several servers have this name: \($0)") }
        if !notes.isEmpty { meta["dev.sluice/problems"] = .array(notes) }
        if call.isStateless {
            result["resultType"] = "complete"
            // What a policy allows may change at any time, and differs from caller to caller.
            result["ttlMs"] = .integer(problems.isEmpty ? lists.map(\.ttlMilliseconds).min() ?? 0 : 0)
            result["cacheScope"] = "private"
            meta[MCPName.serverInfoMeta] = ServerSurvey.ownInfo
        }
        if !meta.isEmpty { result["_meta"] = .object(meta) }
        return .object(result)
    }

    /// What is listed, without what policies hide. A tool is shown as it was approved, or not at all.
    private func redacted(_ list: ListGathering.List, _ kind: ListKind) -> [JSONTree] {
        guard kind != .tools else { return list.items }
        var rules = rules(of: list.server)
        defer { note?.redactions += rules.redactions }
        return list.items.map { item in
            guard var clean = rules.redacted(item).object else { return item }
            // By this it is asked for.
            clean[kind.name] = item[kind.name]
            return .object(clean)
        }
    }

    /// What may not be called as it is now is not shown either.
    private func isUsable(_ item: JSONTree, at server: CompiledServer) -> Bool {
        guard let tool = try? ToolDefinition(item) else { return false }
        return refusal(of: tool, at: server) == nil
    }

    func isListed(_ item: ToolAccessTable.Item, _ own: String, _ server: CompiledServer) -> Bool {
        view.lists(item, own, of: server, principal, now: now)
    }
}

extension ListKind {
    var item: ToolAccessTable.Item {
        switch self {
        case .tools: .tool
        case .prompts: .prompt
        case .resources, .templates: .resource
        }
    }

    /// The member that names one of them.
    var name: String {
        switch self {
        case .tools, .prompts: "name"
        case .resources: "uri"
        case .templates: "uriTemplate"
        }
    }
}

/// What the parts of several servers are called beside each other.
struct SharedNames {
    private let kind: ListKind
    private let view: ToolView
    /// How many servers would show this name without a prefix.
    private var counts: [ExactName: Int] = [:]
    /// Names without a prefix that are read as one of another server's.
    private var shadows: Set<ExactName> = []

    init(_ kind: ListKind, _ lists: [ListGathering.List], _ view: ToolView) {
        self.kind = kind
        self.view = view
        guard !view.isSingle, kind == .tools else { return }
        for list in lists where view.prefixMode(list.server) != .always {
            for item in list.items {
                guard let name = item[kind.name]?.string?.value else { continue }
                counts[ExactName(name), default: 0] += 1
                if view.split(name) != nil { shadows.insert(ExactName(name)) }
            }
        }
    }

    /// Nil for a name that belongs to several and may not be told apart.
    func shown(_ own: String, of server: CompiledServer) -> String? {
        switch kind {
        case .resources, .templates: return view.uri(own, of: server)
        case .prompts: return view.prefixedName(own, of: server)
        case .tools: break
        }
        guard let plain = view.plainName(own, of: server) else { return view.prefixedName(own, of: server) }
        let name = ExactName(own)
        guard !view.isSingle, counts[name, default: 0] > 1 || shadows.contains(name) else { return plain }
        return view.prefixMode(server) == .never ? nil : view.prefixedName(own, of: server)
    }

    /// Names that several servers have, for those who ask why one is missing.
    var collisions: [String] { shadows.union(counts.filter { $0.value > 1 }.keys).map(\.text).sorted() }
}
