import GatewayModel
import GatewayProxy
import GatewayRuntime
import Testing

@Suite("Routes become rules")
struct RouteCompileTests {
    private func compile(_ rules: String, _ more: String = "") -> Compilation {
        Compilation(Pieces.gateway + Pieces.backend + Pieces.route(rules) + more)
    }

    private func text(_ bytes: [UInt8]?) -> String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    @Test("paths are canonicalised as requests are, so that both sides compare the same bytes")
    func canonicalPaths() throws {
        let made = compile(
            "[{matches: [{path: {type: PathPrefix, value: '/%7euser/%c3%a9'}}], \(Pieces.toApp)}]")
        #expect(try made.rule("/~user/%C3%A9/x") != nil)
        #expect(try made.rule("/%7Euser/%c3%a9") != nil)
        #expect(try made.rule("/~user/e") == nil)
    }

    @Test("header edits are lower case and framing fields are refused")
    func headerEdits() throws {
        let made = compile(
            """
            [{filters: [{type: RequestHeaderModifier, requestHeaderModifier:
               {set: [{name: X-Set, value: A}], add: [{name: X-Add, value: B}], remove: [X-Remove]}}],
              \(Pieces.toApp)}]
            """)
        let edits = try #require(try made.rule("/")?.requestEdits)
        #expect(edits.set.map { text($0.name) } == ["x-set"])
        #expect(edits.add.map { text($0.value) } == ["B"])
        #expect(edits.remove.map(text) == ["x-remove"])
        for name in ["Host", "Content-Length", "transfer-encoding", "Connection", "Upgrade", "TE"] {
            let refused = compile(
                """
                [{filters: [{type: ResponseHeaderModifier, responseHeaderModifier: {remove: [\(name)]}}],
                  \(Pieces.toApp)}]
                """)
            #expect(refused.condition("Accepted", "app")?.reason == "UnsupportedValue", "\(name)")
            #expect(refused.result.diagnostics.map(\.code) == [.unsupportedValue])
            #expect(try refused.rule("/") == nil)
        }
    }

    @Test("a rule that cannot be honoured is dropped, the others serve")
    func droppedRule() throws {
        let made = compile(
            """
            [{matches: [{path: {type: RegularExpression, value: '/(?=a)'}}], \(Pieces.toApp)},
             {matches: [{path: {type: RegularExpression, value: '/b[0-9]+'}}], \(Pieces.toApp)}]
            """)
        #expect(made.condition("Accepted", "app")?.isTrue == true)
        let partial = made.condition("PartiallyInvalid", "app")
        #expect(partial?.isTrue == true)
        #expect(partial?.message.hasPrefix("Dropped Rule") == true)
        #expect(try made.rule("/b12") != nil)
        #expect(try made.rule("/a") == nil)
        #expect(made.result.diagnostics.first?.path == "spec.rules[0]")
        #expect(made.result.diagnostics.first?.object?.name == "app")
        #expect((made.result.diagnostics.first?.line ?? 0) > 16)
    }

    @Test("filters of a backendRef act in its place; CORS cannot, and is an unsupported value")
    func backendFilters() throws {
        func rule(_ filter: String) -> String {
            "[{backendRefs: [{group: sluice.dev, kind: Backend, name: app, filters: [\(filter)]}]}]"
        }
        let redirect = compile(rule("{type: RequestRedirect, requestRedirect: {hostname: x.com, statusCode: 301}}"))
        guard case .redirect(let target)? = try redirect.backends("/").first?.target else {
            Issue.record("no redirect")
            return
        }
        #expect(text(target.hostname) == "x.com" && target.status == 301)
        let teapot = compile(
            rule("{type: ExtensionRef, extensionRef: {group: sluice.dev, kind: DirectResponse, name: teapot}}"),
            """
            apiVersion: sluice.dev/v1alpha1
            kind: DirectResponse
            metadata: {name: teapot}
            spec: {status: 418}

            """)
        guard case .respond(let fixed)? = try teapot.backends("/").first?.target else {
            Issue.record("no direct response")
            return
        }
        #expect(fixed.status == 418)
        let gone = compile(
            rule("{type: ExtensionRef, extensionRef: {group: sluice.dev, kind: DirectResponse, name: gone}}"))
        guard case .refuse? = try gone.backends("/").first?.target else {
            Issue.record("a filter that is not there is skipped")
            return
        }
        let cors = compile(rule("{type: CORS, cors: {allowOrigins: [\"https://a.example\"]}}"))
        #expect(cors.condition("Accepted", "app")?.reason == "UnsupportedValue")
        #expect(cors.result.diagnostics.map(\.code) == [.unsupportedValue])
    }

    @Test("redirects, rewrites, direct responses")
    func answers() throws {
        let made = compile(
            """
            [{matches: [{path: {value: /r}}], filters: [{type: RequestRedirect, requestRedirect:
               {scheme: https, hostname: x.com, port: 444, statusCode: 301,
                path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}}}]},
             {matches: [{path: {value: /w}}], filters: [{type: URLRewrite, urlRewrite:
               {hostname: y.com, path: {type: ReplaceFullPath, replaceFullPath: /full}}}], \(Pieces.toApp)},
             {matches: [{path: {value: /d}}], filters: [{type: ExtensionRef, extensionRef:
               {group: sluice.dev, kind: DirectResponse, name: teapot}}]},
             {matches: [{path: {value: /e}}], filters: [{type: ExtensionRef, extensionRef:
               {group: sluice.dev, kind: DirectResponse, name: gone}}]},
             {matches: [{path: {value: /n}}]}]
            """,
            """
            apiVersion: sluice.dev/v1alpha1
            kind: DirectResponse
            metadata: {name: teapot}
            spec: {status: 418, body: short, headers: [{name: X-Kind, value: stout}]}

            """)
        guard case .redirect(let redirect)? = try made.rule("/r")?.action else {
            Issue.record("no redirect")
            return
        }
        #expect(text(redirect.scheme) == "https")
        #expect(text(redirect.hostname) == "x.com")
        #expect(redirect.port == 444)
        #expect(redirect.status == 301)
        let rewrite = try #require(try made.rule("/w")?.rewrite)
        #expect(text(rewrite.hostname) == "y.com")
        guard case .full(let path)? = rewrite.path else {
            Issue.record("no full path")
            return
        }
        #expect(text(path) == "/full")
        guard case .respond(let fixed)? = try made.rule("/d")?.action else {
            Issue.record("no direct response")
            return
        }
        #expect(fixed.status == 418)
        #expect(text(fixed.body) == "short")
        #expect(text(fixed.headers.first?.name) == "x-kind")
        guard case .refuse(let gone)? = try made.rule("/e")?.action else {
            Issue.record("no refusal")
            return
        }
        #expect(gone.code == .invalidBackend)
        guard case .refuse(let none)? = try made.rule("/n")?.action else {
            Issue.record("no refusal")
            return
        }
        #expect(none.code == .noBackend)
    }

    @Test("mirrors keep their share, and a missing one costs only the copy")
    func mirrors() throws {
        let made = compile(
            """
            [{matches: [{path: {value: /a}}], filters: [{type: RequestMirror, requestMirror:
               {backendRef: {group: sluice.dev, kind: Backend, name: app}, fraction: {numerator: 1, denominator: 3}}}],
              \(Pieces.toApp)},
             {matches: [{path: {value: /b}}], filters: [{type: RequestMirror, requestMirror:
               {backendRef: {name: gone, port: 80}}}], \(Pieces.toApp)}]
            """)
        let mirror = try #require(try made.rule("/a")?.mirrors.first)
        #expect((mirror.numerator, mirror.denominator) == (1, 3))
        #expect(try made.rule("/b")?.mirrors.isEmpty == true)
        #expect(try made.backends("/b").first?.compiled != nil)
        #expect(made.condition("ResolvedRefs", "app")?.reason == "BackendNotFound")
    }

    @Test("timeouts, retries and persistence of the route")
    func trafficFields() throws {
        let made = compile(
            """
            [{timeouts: {request: 2s, backendRequest: 500ms}, retry: {attempts: 3, codes: [502, 503], backoff: 10ms},
              sessionPersistence: {sessionName: Mine, absoluteTimeout: 1h, type: Cookie,
                cookieConfig: {lifetimeType: Permanent}}, \(Pieces.toApp)}]
            """)
        let rule = try #require(try made.rule("/"))
        #expect(rule.timeouts.totalNanoseconds == 2_000_000_000)
        #expect(rule.timeouts.attemptNanoseconds == 500_000_000)
        #expect(rule.retry?.attemptsMax == 3)
        #expect(rule.retry?.statuses == [502, 503])
        #expect(rule.retry?.backoffBaseNanoseconds == 10_000_000)
        #expect(text(rule.persistence?.name) == "Mine")
        #expect(rule.persistence?.lifetimeSeconds == 3_600)
        #expect(rule.persistence?.timeoutSeconds == 3_600)
    }

    @Test("the same objects in any order give the same rules")
    func order() throws {
        func route(_ name: String, _ created: String) -> String {
            Pieces.route("[{\(Pieces.toApp)}]", name: name).replacing(
                "{name: \(name)}", with: "{name: \(name), creationTimestamp: '\(created)'}")
        }
        let parts = [
            route("b", "2026-01-01T00:00:00Z"), route("a", "2026-01-02T00:00:00Z"), route("c", "2026-01-01T00:00:00Z"),
        ]
        for order in [[0, 1, 2], [2, 1, 0], [1, 0, 2]] {
            let made = Compilation(Pieces.gateway + Pieces.backend + order.map { parts[$0] }.joined())
            #expect(try made.rule("/")?.routeName == "default/b")
        }
    }

    @Test("a policy's setting is taken from the most specific target, and the route's own goes before it")
    func policies() throws {
        func policy(_ name: String, _ target: String, _ spec: String) -> String {
            """
            apiVersion: sluice.dev/v1alpha1
            kind: TrafficPolicy
            metadata: {name: \(name)}
            spec: {targetRefs: [\(target)], \(spec)}
            ---

            """
        }
        let gateway = "{group: gateway.networking.k8s.io, kind: Gateway, name: edge}"
        let route = "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: app}"
        let named = "{group: gateway.networking.k8s.io, kind: HTTPRoute, name: app, sectionName: slow}"
        let backend = "{group: sluice.dev, kind: Backend, name: app}"
        let made = compile(
            """
            [{name: slow, matches: [{path: {value: /slow}}], \(Pieces.toApp)},
             {matches: [{path: {value: /own}}], timeouts: {request: 0s}, \(Pieces.toApp)},
             {matches: [{path: {value: /}}], \(Pieces.toApp)}]
            """,
            policy("a", gateway, "timeouts: {total: 1s, idle: 9s}, retry: {attempts: 2, on: [503, reset]}")
                + policy("b", route, "timeouts: {total: 2s}") + policy("c", named, "timeouts: {total: 3s}")
                + policy("d", backend, "loadBalancing: {policy: LeastRequest}, circuitBreaker: {requestsMax: 7}")
                + policy("e", "{group: '', kind: Service, name: gone}", "timeouts: {total: 4s}"))
        #expect(try made.rule("/slow")?.timeouts.totalNanoseconds == 3_000_000_000)
        #expect(try made.rule("/")?.timeouts.totalNanoseconds == 2_000_000_000)
        #expect(try made.rule("/own")?.timeouts.totalNanoseconds == 0)
        #expect(try made.rule("/slow")?.timeouts.idleNanoseconds == 9_000_000_000)
        let retry = try #require(try made.rule("/")?.retry)
        #expect(retry.statuses == [503])
        #expect(retry.onReset)
        #expect(!retry.onConnectFailure)
        let compiled = try #require(try made.backends("/").first?.compiled)
        #expect(compiled.name == "Backend/default/app")
        #expect(compiled.circuit.requestsMax == 7)
        guard case .leastRequest = compiled.loadBalancing else {
            Issue.record("not least request")
            return
        }
        let status = made.result.statuses.first { $0.key.name == "e" }
        #expect(status?.conditions["Accepted"]?.reason == "TargetNotFound")
    }

    @Test("a backend that a route's policy treats differently has state of its own")
    func variants() throws {
        let made = compile(
            "[{\(Pieces.toApp)}]",
            Pieces.route("[{matches: [{path: {value: /other}}], \(Pieces.toApp)}]", name: "other") + """
                apiVersion: sluice.dev/v1alpha1
                kind: TrafficPolicy
                metadata: {name: random}
                spec:
                  targetRefs: [{group: gateway.networking.k8s.io, kind: HTTPRoute, name: other}]
                  loadBalancing: {policy: Random}

                """)
        #expect(try made.backends("/").map(\.targetName) == ["Backend/default/app"])
        #expect(try made.backends("/other").map(\.targetName) == ["Backend/default/app@default/random"])
        #expect(made.snapshot.backends.count == 2)
    }
}
