import GatewayControl
import GatewayModel
import GatewayRuntime

/// `sluice why --principal user=alice --model gpt-5`: access and budgets, without traffic.
extension RequestExplain {
    func explainModel(_ model: String) async throws {
        guard request.isEmpty else {
            throw GatewayError(.usage, "a URL beside --model", hint: "ask about one of them")
        }
        guard let operation = ModelOperation(rawValue: operation) else {
            throw GatewayError(
                .usage, "no operation of models: \(operation)",
                hint: NearestName.hint(operation, among: ModelOperation.allCases.map(\.rawValue)))
        }
        let question = ModelTrial.Question(principal: try caller(), model: model, operation: operation)
        var answer = ModelTrial(try await objects(offering: .modelCatalog)).explain(question)
        if files.isEmpty { try await addStanding(to: &answer) }
        output.show(answer) { Self.modelTable(answer) }
        if answer["decision"]?.string != "allowed" { throw ExitStatus.findings.code }
    }

    /// What is left of each budget that would count the call. A call that policies let through and a budget does not is
    /// denied.
    private func addStanding(to answer: inout ConfigNode) async throws {
        guard let budgets = answer["budgets"]?.elements, !budgets.isEmpty else { return }
        var rows: [ConfigNode] = []
        for budget in budgets {
            let names = ["policy", "scope", "tenant", "value"]
            let query = names.compactMap { name in
                budget[name]?.string.flatMap { $0.isEmpty ? nil : (name, $0) }
            }
            let lines = try await state.client.get("/v1/budgets", query: query).node["items"]?.elements ?? []
            let own = lines.filter { $0["tenant"]?.string == budget["tenant"]?.string }
            var row = budget
            row["left"] = .list(own.map { .text(Self.left($0)) })
            rows.append(row)
            guard let spent = own.first(where: { $0["remaining"]?.string == "0" }),
                answer["decision"]?.string == "allowed"
            else { continue }
            let policy = budget["policy"]?.string ?? ""
            let reset = spent["reset"]?.string ?? ""
            answer["decision"] = .text("denied")
            answer["rule"] = .text(policy)
            answer["reason"] = .text("the budget is spent: \(Self.left(spent))")
            answer["code"] = .text(ErrorCode.budgetExceeded.rawValue)
            let wait = reset.isEmpty ? "" : "wait until \(reset), "
            answer["next"] = .text("\(wait)raise the limits of \(policy), or 'sluice budget reset \(policy)'")
        }
        answer["budgets"] = .list(rows)
    }

    private static func left(_ line: ConfigNode) -> String {
        func text(_ name: String) -> String { line[name]?.string ?? "" }
        return "\(text("remaining")) of \(text("limit")) \(text("unit"))/\(text("window"))"
    }

    /// What the files say; laid over what the gateway serves where they have no object of the kind that offers what is
    /// asked about.
    func objects(offering kind: ObjectKind) async throws -> ObjectSet {
        guard !files.isEmpty else { return try await served() }
        let load = FileSource(paths: files).load()
        guard load.isUsable else {
            throw Refusal(
                error: GatewayError(.invalidValue, "the files have errors"), diagnostics: load.diagnostics.map(\.node))
        }
        guard !load.set.objects.contains(where: { $0.kind == kind }) else { return load.set }
        do { return try await served().overlaid(by: load.set) } catch var error as GatewayError {
            error.message =
                "the files have no \(kind.rawValue), and nothing is served to lay them over: \(error.message)"
            error.hint = "add the files that have one, or start the gateway"
            throw error
        }
    }

    private func served() async throws -> ObjectSet {
        let history = try await state.client.get("/v1/history").node
        guard case .number(let revision)? = history["revision"]?.value else {
            throw GatewayError(.notFound, "the gateway serves no configuration")
        }
        let items = try await state.client.get("/v1/history/\(revision)").node
        let list = ConfigNode.object([
            ("apiVersion", .text("v1")), ("kind", .text("List")), ("items", items["items"] ?? .list([])),
        ])
        let text = JSONPrinter.print(list)
        return ConfigurationLoad(
            texts: [ConfigurationLoad.Text(bytes: Array(text.utf8), file: "gateway", syntax: .json)],
            mode: .tolerant
        ).set
    }

    /// Whoever is asked about has proven who it is.
    func caller() throws(GatewayError) -> Principal {
        var caller = Principal(proof: .apiKey)
        var (scopes, tools): ([String], [NamePattern]) = ([], [])
        for text in principal {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2 else { throw GatewayError(.usage, "not FIELD=VALUE: \(text)") }
            switch parts[0] {
            case "tenant": caller.tenant = parts[1]
            case "team": caller.team = parts[1]
            case "user": caller.user = parts[1]
            case "agent": caller.agent = parts[1]
            case "run": caller.run = parts[1]
            case "group": caller.groups.append(parts[1])
            case "key": caller.credentialID = parts[1]
            case "scope": scopes += parts[1].split(separator: " ").map(String.init)
            case "tool": tools.append(NamePattern(parts[1]))
            default:
                throw GatewayError(
                    .usage, "a principal has no \"\(parts[0])\"",
                    hint: NearestName.hint(
                        parts[0],
                        among: ["tenant", "team", "user", "agent", "run", "group", "key", "scope", "tool"]))
            }
        }
        if !scopes.isEmpty { caller.detail = PrincipalDetail(scopes: scopes) }
        if !tools.isEmpty { caller.grant = KeyGrant(tools: tools) }
        return caller
    }

    private static func modelTable(_ answer: ConfigNode) -> String {
        var facts = answer
        facts["tried"] = nil
        facts["budgets"] = nil
        var text = NodeTable.text(facts)
        for name in ["tried", "budgets"] {
            if let items = answer[name]?.elements, !items.isEmpty { text += "\n" + NodeTable.rows(items) }
        }
        return text
    }
}
