package import GatewayControl
package import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayWire

/// Which rule a request would get, and why. The answer comes from the router that serves, so it cannot differ from
/// what happens; the reasons beside it are found by asking every route again, one by one.
package enum Explanation {
    /// Asks objects that nobody serves.
    package static func answer(
        _ question: AdminServices.Question, objects: ObjectSet
    ) throws(GatewayError) -> ConfigNode {
        let result = SnapshotCompiler.compile(objects.objects, revision: 0)
        return try answer(question, snapshot: result.snapshot, objects: objects, statuses: result.statuses)
    }

    static func answer(
        _ question: AdminServices.Question, snapshot: Snapshot, objects: ObjectSet, statuses: [ObjectStatus]
    ) throws(GatewayError) -> ConfigNode {
        let target = try ExplainedTarget(question.url)
        var pairs: [(String, ConfigNode)] = [
            ("method", .text(question.method)), ("url", .text(question.url)),
        ]
        let head: RequestHead
        do {
            head = try read(question, target)
        } catch {
            pairs.append(("decision", .text("refused before any rule: \(error.reason)")))
            pairs.append(("status", .integer(error.httpStatus)))
            return .object(pairs)
        }
        pairs.append(("path", .text(head.fields.text(head.path))))
        guard let table = snapshot.table(port: target.port) else {
            let ports = snapshot.ports.filter { $0.port > 0 }.map { String($0.port) }.joined(separator: ", ")
            pairs.append(("decision", .text("nothing listens on port \(target.port); listening: \(ports)")))
            return .object(pairs)
        }
        if let error = Exchange.methodRefusal(head) {
            pairs.append(("decision", .text(refusal(error))))
            pairs.append(("status", .integer(error.code.httpStatus)))
            return .object(pairs)
        }
        let host = target.host.lowercased()
        var chosen: CompiledRule?
        switch table.router.match(head, serverName: table.isTLS ? Array(host.utf8) : []) {
        case .rule(let rule, let listener, _):
            chosen = rule
            pairs.append(("decision", .text(action(rule))))
            pairs.append(("listener", .text(table.listeners[listener].name)))
            pairs += facts(rule, source: question.source)
        case .notFound(let listener):
            if listener >= 0 { pairs.append(("listener", .text(table.listeners[listener].name))) }
            pairs.append(("decision", .text("404 \(ErrorCode.noRoute.rawValue): no rule matches")))
        case .misdirected:
            pairs.append(("decision", .text("421: another listener owns the connection's server name")))
        }
        let trials = RouteTrials(
            head: head, host: host, routes: objects.httpRoutes, statuses: statuses, chosen: chosen)
        pairs.append(("tried", .list(trials.rows)))
        return .object(pairs)
    }

    // MARK: The request

    private static func read(
        _ question: AdminServices.Question, _ target: ExplainedTarget
    ) throws(HTTP1ParseError) -> RequestHead {
        var text = "\(question.method) \(target.target) HTTP/1.1\r\n"
        if !question.fields.contains(where: { $0.name.lowercased() == "host" }) {
            text += "Host: \(target.authority)\r\n"
        }
        for field in question.fields { text += "\(field.name): \(field.value)\r\n" }
        let bytes = Array("\(text)\r\n".utf8)
        var parser = HTTP1RequestParser(limits: .standard)
        var head = RequestHead()
        _ = try parser.parse(bytes.span, into: &head)
        return head
    }

    // MARK: The rule

    private static func action(_ rule: CompiledRule) -> String {
        switch rule.action {
        case .forward: "forward"
        case .redirect(let redirect): "redirect with \(redirect.status)"
        case .respond(let response): "answer directly with \(response.status)"
        case .refuse(let error): refusal(error)
        case .room: "answer by the gateway itself"
        }
    }

    private static func refusal(_ error: GatewayError) -> String {
        "refuse with \(error.code.httpStatus) \(error.code.rawValue): \(error.message)"
    }

    private static func facts(_ rule: CompiledRule, source: String?) -> [(String, ConfigNode)] {
        var pairs: [(String, ConfigNode)] = [
            ("route", .text(rule.routeName)), ("rule", .integer(rule.ruleIndex)),
        ]
        if let name = rule.ruleName { pairs.append(("ruleName", .text(name))) }
        if case .forward(let backends, _) = rule.action {
            pairs.append(("backends", .list(backends.map(backend))))
        }
        let changes = changes(rule)
        if !changes.isEmpty { pairs.append(("filters", .list(changes.map { .text($0) }))) }
        var policies: [String] = []
        for identity in rule.policy.identity {
            policies.append("\(identity.name) \(identity.isRequired ? "asks who calls" : "believes who calls")")
        }
        for rule in rule.policy.addresses {
            guard let address = source.flatMap({ IPAddress($0) }) else {
                policies.append("\(rule.name) limits addresses")
                continue
            }
            policies.append("\(rule.name) \(rule.list.allows(address) ? "lets the address in" : "refuses the address")")
        }
        policies += rule.policy.rateLimits.map { "\($0.name) limits the rate" }
        policies += rule.policy.concurrency.map { "\($0.name) limits concurrency" }
        if !policies.isEmpty { pairs.append(("policies", .list(policies.map { .text($0) }))) }
        return pairs
    }

    private static func backend(_ backend: WeightedBackend) -> ConfigNode {
        switch backend.target {
        case .backend(let compiled):
            .object([
                ("backend", .text(compiled.name)), ("weight", .integer(backend.weight)),
                ("endpoints", .list(compiled.endpoints.map { .text("\($0.host):\($0.port)") })),
            ])
        case .redirect(let redirect):
            .object([
                ("backend", .text("redirect with \(redirect.status)")), ("weight", .integer(backend.weight)),
            ])
        case .respond(let fixed):
            .object([
                ("backend", .text("answer directly with \(fixed.status)")), ("weight", .integer(backend.weight)),
            ])
        case .refuse(let error):
            .object([
                ("backend", .text("\(error.code.rawValue): \(error.message)")), ("weight", .integer(backend.weight)),
            ])
        }
    }
}

/// The URL of a question.
private struct ExplainedTarget {
    var host: String
    var port: Int
    var authority: String
    var target: String

    init(_ url: String) throws(GatewayError) {
        let isTLS = url.hasPrefix("https://")
        guard isTLS || url.hasPrefix("http://") else {
            throw GatewayError(.usage, "the URL needs http or https: \(url)", hint: "write http://HOST:PORT/PATH")
        }
        let rest = url.dropFirst(isTLS ? 8 : 7)
        authority = String(rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" })
        let after = rest.dropFirst(authority.count).prefix { $0 != "#" }
        target = after.isEmpty ? "/" : after.first == "?" ? "/\(after)" : String(after)
        var name = Substring(authority)
        port = isTLS ? 443 : 80
        if let colon = name.lastIndex(of: ":"), let number = Int(name[name.index(after: colon)...]) {
            port = number
            name = name[..<colon]
        }
        host = String(name)
        guard !host.isEmpty, (1...65_535).contains(port) else {
            throw GatewayError(.usage, "the URL has no usable host: \(url)")
        }
        guard url.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }) else {
            throw GatewayError(.usage, "the URL has a space or a control byte", hint: "percent-encode it")
        }
    }
}
