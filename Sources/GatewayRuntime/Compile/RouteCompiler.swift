import GatewayControl
import GatewayLLM
import GatewayMCP
import GatewayModel
import GatewayPolicy
import GatewayProxy

/// Attaches HTTPRoutes to listeners and turns their rules into entries of the routers.
final class RouteCompiler {
    private let index: ObjectIndex
    let listeners: [ListenerDraft]
    private let policies: PolicyIndex
    private let backends: BackendCompiler
    private let models: ModelCompiler
    let tools: ToolCompiler
    private let filters: FilterCompiler
    private let traffic: TrafficRulesCompiler
    let options: SnapshotCompiler.Options
    /// By port.
    private(set) var entries: [Int: [RouteEntry]] = [:]
    private(set) var statuses: [ObjectStatus] = []
    private(set) var diagnostics: [Diagnostic] = []

    init(
        index: ObjectIndex, listeners: [ListenerDraft], policies: PolicyIndex, backends: BackendCompiler,
        models: ModelCompiler, tools: ToolCompiler, traffic: TrafficRulesCompiler, options: SnapshotCompiler.Options
    ) {
        self.index = index
        self.listeners = listeners
        self.policies = policies
        self.backends = backends
        self.models = models
        self.tools = tools
        self.traffic = traffic
        self.options = options
        filters = FilterCompiler(index: index, backends: backends)
    }

    func compileAll() {
        for route in index.routes { compile(route) }
        addDefaultModels()
        addDefaultTokens()
        addDefaultTools()
        addResourceMetadata()
        addConnections()
    }

    private func compile(_ route: HTTPRoute) {
        let key = ObjectKey(.httpRoute, namespace: route.metadata.namespace, name: route.metadata.name)
        let rules = route.spec.rules.map { RuleDraft($0) }
        let attachment = ParentAttachment(index: index, listeners: listeners, options: options)
        var attached: Set<ObjectIdentifier> = []
        var parents: [ParentStatus] = []
        for parent in attachment.parents(of: route) {
            let outcome = attachment.attach(route, to: parent)
            for place in outcome.places where attached.insert(ObjectIdentifier(place.listener)).inserted {
                place.listener.attachedRoutes += 1
                guard place.listener.position >= 0 else { continue }
                for (position, rule) in rules.enumerated() { add(rule, position, route, place) }
            }
            guard outcome.isOurs else { continue }
            parents.append(
                ParentStatus(reference: parent.reference, gateway: parent.gateway, conditions: [outcome.accepted]))
        }
        // A route that reached no listener still learns what its references are.
        if attached.isEmpty { for rule in rules { judge(rule, route) } }
        var status = ObjectStatus(key: key, generation: route.metadata.generation)
        let shared = conditions(rules)
        status.parents = parents.map { parent in
            var parent = parent
            if shared.isUnsupported, parent.conditions[0].isTrue {
                parent.conditions = [StatusCondition("Accepted", false, "UnsupportedValue", shared.message)]
            }
            parent.conditions += shared.conditions
            return parent
        }
        statuses.append(status)
        report(rules, key)
    }

    // MARK: Rules

    /// A rule on its way, and what was found wrong with it.
    final class RuleDraft {
        let rule: HTTPRouteRule
        var problem: ReferenceProblem?
        var unsupported: String?

        init(_ rule: HTTPRouteRule) { self.rule = rule }
    }

    private func judge(_ draft: RuleDraft, _ route: HTTPRoute) {
        let none = EffectivePolicies(ordered: [])
        _ = action(draft, filters.compile(draft.rule.filters, route: route.metadata, policies: none), route, none)
    }

    private func add(_ draft: RuleDraft, _ position: Int, _ route: HTTPRoute, _ place: ParentAttachment.Place) {
        let effective = policies.effective(rule: draft.rule.name, route: route.metadata, listener: place.listener)
        let compiled = filters.compile(draft.rule.filters, route: route.metadata, policies: effective)
        let name = route.metadata.qualifiedName
        var action = action(draft, compiled, route, effective)
        var rules = TrafficRules.none
        do {
            rules = try traffic.rules(effective)
        } catch {
            // Not the routing is wrong but what guards it: nobody gets in until it is right.
            action = .refuse(
                GatewayError(.internalFault, "a policy of this route cannot be applied", cause: error.message))
            reportPolicy(error, effective, route)
        }
        if draft.rule.backendRefs.contains(where: { $0.isModelCatalog || $0.isMCPServer }) { askForKey(&rules) }
        var unsupported = compiled.unsupported
        let rule = CompiledRule(
            routeName: name, ruleIndex: position, ruleName: draft.rule.name, metricSlot: options.routeSlot(name),
            action: action, requestEdits: compiled.requestEdits, responseEdits: compiled.responseEdits,
            rewrite: compiled.rewrite, mirrors: compiled.mirrors,
            cors: compiled.cors ?? filters.cors(effective.first { $0.cors }, &unsupported),
            timeouts: effective.timeouts(draft.rule.timeouts), retry: effective.retry(draft.rule.retry),
            persistence: effective.persistence(draft.rule.sessionPersistence), policy: rules)
        for (number, match) in draft.rule.matches.enumerated() {
            let order = RouteOrder(
                created: route.metadata.createdSeconds, name: name, rule: position, match: number)
            do {
                let (path, condition) = try MatchCompiler.compile(match)
                guard draft.unsupported == nil else { return }
                for host in place.hosts {
                    entries[place.listener.port, default: []].append(
                        RouteEntry(
                            listener: place.listener.position, hostname: host, path: path, condition: condition,
                            order: order, rule: rule))
                }
            } catch {
                draft.unsupported = error.message
            }
        }
    }

    private func action(
        _ draft: RuleDraft, _ compiled: CompiledFilters, _ route: HTTPRoute, _ policies: EffectivePolicies
    ) -> RouteAction {
        draft.unsupported = draft.unsupported ?? compiled.unsupported
        draft.problem = draft.problem ?? compiled.problem ?? compiled.mirrorProblem
        if let problem = compiled.problem { return .refuse(problem.error) }
        if let answer = compiled.answer { return answer }
        guard !draft.rule.backendRefs.isEmpty else {
            return .refuse(GatewayError(.noBackend, "the rule names no backend: \(route.metadata.qualifiedName)"))
        }
        if draft.rule.backendRefs.contains(where: \.isModelCatalog) { return room(draft, route) }
        if draft.rule.backendRefs.contains(where: \.isTokenService) {
            if let room = options.tokenRoom { return .room(room) }
            return .refuse(GatewayError(.invalidBackend, "tokens are not given out here"))
        }
        if draft.rule.backendRefs.contains(where: \.isMCPServer) { return toolRoom(draft, route) }
        let weighted = draft.rule.backendRefs.map { backend($0, draft, route, policies) }.filter { $0.weight > 0 }
        return .forward(weighted, totalWeight: weighted.reduce(0) { $0 + $1.weight })
    }

    /// A rule that leads to catalogues leads nowhere else.
    private func room(_ draft: RuleDraft, _ route: HTTPRoute) -> RouteAction {
        var catalogs: [String] = []
        for reference in draft.rule.backendRefs {
            guard reference.isModelCatalog else {
                draft.unsupported = draft.unsupported ?? "a rule leads to models or to backends, not to both"
                continue
            }
            do { catalogs.append(try models.catalog(reference, from: route.metadata)) } catch {
                draft.problem = draft.problem ?? error
                return .refuse(
                    GatewayError(.invalidBackend, "the route's models cannot be used", cause: error.error.message))
            }
        }
        return room(models.table(of: catalogs))
    }

    private func room(_ table: ModelTable) -> RouteAction {
        if let make = options.modelRoom { return .room(make(table)) }
        return .refuse(GatewayError(.invalidBackend, "models are not served here"))
    }

    /// Without a Gateway and without a route to any catalogue, the default listener has all models under `/v1`.
    private func addDefaultModels() {
        let isRouted = index.routes.contains { route in
            route.spec.rules.contains { $0.backendRefs.contains(where: \.isModelCatalog) }
        }
        guard index.gateways.isEmpty, !models.isEmpty, !isRouted else { return }
        addDefault("models", at: "/v1", room(models.whole))
    }

    /// The same for servers of tools, under `/mcp`.
    private func addDefaultTools() {
        let isRouted = index.routes.contains { route in
            route.spec.rules.contains { $0.backendRefs.contains(where: \.isMCPServer) }
        }
        guard index.gateways.isEmpty, !tools.isEmpty, !isRouted else { return }
        addDefault("tools", at: "/mcp", toolRoom(.named))
    }

    /// Where clients of protected servers read whose tokens they need; every listener has it, whoever asks.
    private func addResourceMetadata() {
        for (number, authorization) in tools.catalog.authorizations.sorted(by: { $0.key < $1.key }).enumerated() {
            let rule = CompiledRule(
                routeName: "tools-metadata", ruleIndex: 0, metricSlot: options.routeSlot("tools-metadata"),
                action: .room(ResourceMetadataRoom(authorization.value)))
            for listener in listeners where listener.position >= 0 {
                let order = RouteOrder(name: "~tools-metadata", rule: 0, match: number)
                addOwn(rule, listener, .exact(Array(authorization.value.metadataPath.utf8)), order)
            }
        }
    }

    /// What people and programs trust because the gateway answers there: no route of the configuration takes its
    /// place, whatever host and path that names.
    func addOwn(_ rule: CompiledRule, _ listener: ListenerDraft, _ path: PathMatch, _ order: RouteOrder) {
        entries[listener.port, default: []].append(
            RouteEntry(
                listener: listener.position, hostname: "", path: path, order: order, rule: rule, isReserved: true))
    }

    /// A route that no one wrote; `name` is what records call it.
    private func addDefault(_ name: String, at path: String, _ action: RouteAction) {
        for listener in listeners where listener.position >= 0 {
            var rules = TrafficRules.none
            askForKey(&rules)
            let rule = CompiledRule(
                routeName: name, ruleIndex: 0, metricSlot: options.routeSlot(name), action: action, policy: rules)
            // Its name is greater than any object's: a route of the configuration goes first.
            let order = RouteOrder(name: "~", rule: 0, match: 0)
            entries[listener.port, default: []].append(
                RouteEntry(
                    listener: listener.position, hostname: "", path: .prefix(Array(path.utf8)), order: order,
                    rule: rule))
        }
    }

    /// Where no policy says whom to believe, the gateway's own keys open its models.
    private func askForKey(_ rules: inout TrafficRules) {
        guard rules.identity.isEmpty else { return }
        var providers = [IdentityRule.Provider.liveKeys(options.managedKeys)]
        if let own = options.ownTokens { providers.append(.tokens(own)) }
        rules.identity = [IdentityRule(providers: providers, isRequired: true, name: "keys")]
    }

    /// Without a Gateway the default listener gives out tokens to whoever models or policies know.
    private func addDefaultTokens() {
        // Who routes to the token service says where it is.
        let isRouted = index.routes.contains { route in
            route.spec.rules.contains { $0.backendRefs.contains(where: \.isTokenService) }
        }
        guard let room = options.tokenRoom, index.gateways.isEmpty, !isRouted,
            !models.isEmpty || !index.identityProviders.isEmpty
        else { return }
        for listener in listeners where listener.position >= 0 {
            let rule = CompiledRule(
                routeName: RouteCompiler.defaultTokenRoute, ruleIndex: 0,
                metricSlot: options.routeSlot(RouteCompiler.defaultTokenRoute), action: .room(room))
            for (number, path) in TokenRoom.paths.enumerated() {
                addOwn(
                    rule, listener, .exact(Array(path.utf8)), RouteOrder(name: "~tokens", rule: 0, match: number))
            }
        }
    }

    /// What records call the route that no one wrote.
    private static let defaultTokenRoute = "tokens"

    private func backend(
        _ reference: HTTPBackendRef, _ draft: RuleDraft, _ route: HTTPRoute, _ policies: EffectivePolicies
    ) -> WeightedBackend {
        let own = filters.compile(reference.filters, route: route.metadata, policies: policies, isBackend: true)
        draft.unsupported = draft.unsupported ?? own.unsupported
        draft.problem = draft.problem ?? own.problem ?? own.mirrorProblem
        let target: WeightedBackend.Target
        do throws(ReferenceProblem) {
            let backend = try backends.resolve(.init(reference), from: route.metadata, routePolicies: policies)
            if let problem = own.problem { throw problem }
            target =
                switch own.answer {
                case .redirect(let redirect): .redirect(redirect)
                case .respond(let fixed): .respond(fixed)
                default:
                    backend.endpoints.isEmpty
                        ? .refuse(
                            GatewayError(.noHealthyEndpoint, "the backend has no ready endpoint: \(backend.name)"))
                        : .backend(backend)
                }
        } catch {
            draft.problem = draft.problem ?? error
            // Whoever calls need not know what the configuration refers to.
            target = .refuse(
                GatewayError(.invalidBackend, "the route's backend cannot be used", cause: error.error.message))
        }
        return WeightedBackend(
            weight: reference.weight, target: target, requestEdits: own.requestEdits,
            responseEdits: own.responseEdits, mirrors: own.mirrors, rewrite: own.rewrite)
    }

    // MARK: What to say of it

    private func conditions(
        _ rules: [RuleDraft]
    ) -> (
        conditions: [StatusCondition], isUnsupported: Bool, message: String
    ) {
        var result: [StatusCondition] = []
        let problem = rules.lazy.compactMap(\.problem).first
        result.append(
            StatusCondition(
                "ResolvedRefs", problem == nil, problem?.reason ?? "ResolvedRefs", problem?.error.message ?? ""))
        let dropped = rules.compactMap(\.unsupported)
        let message = dropped.first ?? ""
        if !dropped.isEmpty, dropped.count < rules.count {
            result.append(StatusCondition("PartiallyInvalid", true, "UnsupportedValue", "Dropped Rule: \(message)"))
        }
        return (result, !dropped.isEmpty && dropped.count == rules.count, message)
    }

    private func reportPolicy(_ error: GatewayError, _ policies: EffectivePolicies, _ route: HTTPRoute) {
        let key = ObjectKey(.httpRoute, namespace: route.metadata.namespace, name: route.metadata.name)
        let finding = Diagnostic(
            error.code, at: index.position(key, .root), path: "spec.rules",
            "\(error.message), which guards \(key)", hint: error.hint, object: key, reason: "Invalid")
        if !diagnostics.contains(finding) { diagnostics.append(finding) }
    }

    private func report(_ rules: [RuleDraft], _ key: ObjectKey) {
        for (position, rule) in rules.enumerated() {
            let path = ConfigPath.spec["rules"][position]
            func report(_ code: ErrorCode, _ message: String, _ reason: String) {
                diagnostics.append(
                    Diagnostic(
                        code, at: index.position(key, path), path: path.description, "\(message) in \(key), \(path)",
                        object: key, reason: reason))
            }
            if let message = rule.unsupported { report(.unsupportedValue, message, "UnsupportedValue") }
            // Dangling and forbidden references are the analysis' to report; keys are read only here.
            if let problem = rule.problem, problem.error.code == .invalidCertificate {
                report(.invalidCertificate, problem.error.message, problem.reason)
            }
        }
    }
}

extension HTTPBackendRef {
    /// Whether it leads to the gateway's own token service.
    var isTokenService: Bool {
        group == ObjectKind.sluiceGroup && kind == Analysis.tokenServiceKind
    }

    /// Whether it leads to the room of models.
    var isModelCatalog: Bool { group == ObjectKind.sluiceGroup && kind == ObjectKind.modelCatalog.rawValue }
}

/// The matches of a rule in the words of the router.
enum MatchCompiler {
    static func compile(_ match: HTTPRouteMatch) throws(GatewayError) -> (PathMatch, RouteCondition) {
        var headers: [ValueMatch] = []
        for header in match.headers {
            let name = header.name.lowercased()
            guard name == "host" || name == "upgrade" || !FilterCompiler.framingNames.contains(name) else {
                throw GatewayError(.unsupportedValue, "a route cannot match this header: \(header.name)")
            }
            // Of several with one name the first counts.
            guard !headers.contains(where: { $0.name == Array(name.utf8) }) else { continue }
            headers.append(try value(name, header.type, header.value))
        }
        var queries: [ValueMatch] = []
        for query in match.queryParams where !queries.contains(where: { $0.name == Array(query.name.utf8) }) {
            queries.append(try value(query.name, query.type, query.value))
        }
        let method = match.method.map { Array($0.rawValue.utf8) }
        if method == nil, headers.isEmpty, queries.isEmpty { return (try path(match.path), .none) }
        return (try path(match.path), RouteCondition(method: method, headers: headers, queries: queries))
    }

    private static func value(
        _ name: String, _ type: ValueMatchType, _ text: String
    ) throws(GatewayError) -> ValueMatch {
        switch type {
        case .exact: ValueMatch(name: Array(name.utf8), value: .exact(Array(text.utf8)))
        case .regularExpression: ValueMatch(name: Array(name.utf8), value: .regex(try BytePattern(text)))
        }
    }

    private static func path(_ path: HTTPPathMatch) throws(GatewayError) -> PathMatch {
        if path.type == .regularExpression { return .regex(try BytePattern(path.value)) }
        guard let bytes = CanonicalText.path(path.value) else {
            throw GatewayError(.invalidValue, "not a path: \(path.value)")
        }
        return path.type == .exact ? .exact(bytes) : .prefix(bytes)
    }
}
