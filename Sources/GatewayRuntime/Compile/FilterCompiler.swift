import GatewayModel
import GatewayProxy
import GatewayWire

/// What the filters of a rule or of one backend come to.
struct CompiledFilters {
    var requestEdits = HeaderEdits.none
    var responseEdits = HeaderEdits.none
    var rewrite: URLRewrite?
    var mirrors: [GatewayProxy.Mirror] = []
    var cors: CORSPolicy?
    /// The filter that answers instead of a backend.
    var answer: RouteAction?
    /// A reference that cannot be used; the requests that need it are refused.
    var problem: ReferenceProblem?
    /// A mirror's target that cannot be used; requests are served without the copy.
    var mirrorProblem: ReferenceProblem?
    /// A value that the data plane cannot honour; the rule is dropped.
    var unsupported: String?
}

struct FilterCompiler {
    let index: ObjectIndex
    let backends: BackendCompiler

    /// Fields by which messages are framed, addressed or bound to a connection: never edited by hand.
    static let framingNames: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "trailer",
        "proxy-connection", "http2-settings", "expect",
    ]

    /// - Parameter isBackend: Filters of one backendRef, which act when the request goes there. A preflight request is
    ///   answered before a backend is chosen, so that CORS has no place among them.
    func compile(
        _ filters: [HTTPRouteFilter], route: ObjectMeta, policies: EffectivePolicies, isBackend: Bool = false
    ) -> CompiledFilters {
        var result = CompiledFilters()
        for filter in filters {
            if isBackend, [.cors, .externalAuth].contains(filter.type) {
                result.unsupported = "the filter \(filter.type.rawValue) is not supported in a backendRef"
                continue
            }
            switch filter.type {
            case .requestHeaderModifier:
                result.requestEdits = edits(filter.requestHeaderModifier, &result.unsupported)
            case .responseHeaderModifier:
                result.responseEdits = edits(filter.responseHeaderModifier, &result.unsupported)
            case .requestMirror: addMirror(filter.requestMirror, route, policies, &result)
            case .requestRedirect: result.answer = redirect(filter.requestRedirect, &result.unsupported)
            case .urlRewrite: result.rewrite = rewrite(filter.urlRewrite, &result.unsupported)
            case .cors: result.cors = cors(filter.cors, &result.unsupported)
            case .extensionRef: extend(filter.extensionRef, route, &result)
            case .externalAuth: result.unsupported = "the filter ExternalAuth is not supported"
            }
        }
        return result
    }

    // MARK: Headers

    private func edits(_ filter: HTTPHeaderFilter?, _ unsupported: inout String?) -> HeaderEdits {
        guard let filter else { return .none }
        let names = (filter.set + filter.add).map { $0.name.lowercased() } + filter.remove.map { $0.lowercased() }
        if let name = names.first(where: FilterCompiler.framingNames.contains) {
            unsupported = "the gateway itself sets this header; to change the host use URLRewrite: \(name)"
        }
        func field(_ header: HTTPHeader) -> HeaderEdits.Field {
            HeaderEdits.Field(name: Array(header.name.lowercased().utf8), value: Array(header.value.utf8))
        }
        return HeaderEdits(
            set: filter.set.map(field), add: filter.add.map(field),
            remove: filter.remove.map { Array($0.lowercased().utf8) })
    }

    // MARK: Paths

    private func rewrite(_ filter: HTTPURLRewriteFilter?, _ unsupported: inout String?) -> URLRewrite? {
        guard let filter else { return nil }
        return URLRewrite(
            hostname: filter.hostname.map { Array($0.text.utf8) }, path: path(filter.path, &unsupported))
    }

    private func redirect(_ filter: HTTPRequestRedirectFilter?, _ unsupported: inout String?) -> RouteAction? {
        guard let filter else { return nil }
        return .redirect(
            Redirect(
                scheme: filter.scheme.map { Array($0.rawValue.utf8) },
                hostname: filter.hostname.map { Array($0.text.utf8) }, path: path(filter.path, &unsupported),
                port: filter.port, status: filter.statusCode))
    }

    private func path(_ modifier: HTTPPathModifier?, _ unsupported: inout String?) -> PathRewrite? {
        guard let modifier else { return nil }
        let isFull = modifier.type == .replaceFullPath
        let text = (isFull ? modifier.replaceFullPath : modifier.replacePrefixMatch) ?? ""
        // An empty prefix is the root, an empty path too.
        if text.isEmpty { return isFull ? .full([0x2F]) : .prefix([]) }
        guard let bytes = CanonicalText.path(text) else {
            unsupported = "not a path: \(text)"
            return nil
        }
        return isFull ? .full(bytes) : .prefix(bytes)
    }

    // MARK: The others

    private func addMirror(
        _ filter: HTTPRequestMirrorFilter?, _ route: ObjectMeta, _ policies: EffectivePolicies,
        _ result: inout CompiledFilters
    ) {
        guard let filter else { return }
        do {
            let backend = try backends.resolve(.init(filter.backendRef), from: route, routePolicies: policies)
            let numerator = filter.fraction?.numerator ?? filter.percent ?? 100
            guard numerator > 0, !backend.endpoints.isEmpty else { return }
            result.mirrors.append(
                Mirror(backend: backend, numerator: numerator, denominator: filter.fraction?.denominator ?? 100))
        } catch {
            result.mirrorProblem = error
        }
    }

    func cors(_ filter: HTTPCORSFilter?, _ unsupported: inout String?) -> CORSPolicy? {
        guard let filter else { return nil }
        var origins: [OriginPattern] = []
        for text in filter.allowOrigins {
            guard let origin = OriginPattern(text) else {
                unsupported = "not an origin: \(text)"
                continue
            }
            origins.append(origin)
        }
        return CORSPolicy(
            origins: origins, allowsCredentials: filter.allowCredentials, methods: .init(filter.allowMethods),
            headers: .init(filter.allowHeaders), exposed: .init(filter.exposeHeaders), maxAgeSeconds: filter.maxAge)
    }

    private func extend(_ reference: LocalObjectReference?, _ route: ObjectMeta, _ result: inout CompiledFilters) {
        guard let reference else { return }
        guard reference.group == ObjectKind.sluiceGroup, reference.kind == "DirectResponse" else {
            result.problem = ReferenceProblem(
                "InvalidKind", "a filter cannot refer to this kind: \(reference.kind) \(reference.name)")
            return
        }
        guard let response = index.directResponses["\(route.namespace)/\(reference.name)"] else {
            result.problem = ReferenceProblem(
                "BackendNotFound", "the DirectResponse does not exist: \(route.namespace)/\(reference.name)")
            return
        }
        result.answer = .respond(
            GatewayProxy.DirectResponse(
                status: response.spec.status,
                headers: response.spec.headers.map {
                    HeaderEdits.Field(name: Array($0.name.lowercased().utf8), value: Array($0.value.utf8))
                }, body: Array((response.spec.body ?? "").utf8)))
    }
}

/// Text of a configuration as requests have it.
enum CanonicalText {
    /// A path canonicalised as the codecs do it, so that both sides compare the same bytes; nil when it is none.
    static func path(_ text: String) -> [UInt8]? {
        var head = RequestHead()
        let bytes = Array(text.utf8)
        do { try head.setTarget(bytes.span) } catch { return nil }
        guard head.query.isEmpty, head.target.count == head.path.count, !head.path.isEmpty else { return nil }
        return head.fields.copy(head.path)
    }
}
