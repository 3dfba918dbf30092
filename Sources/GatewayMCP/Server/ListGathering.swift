import GatewayModel
import GatewayProxy
import GatewayState
import GatewayWire

/// What a list is of.
enum ListKind {
    case tools, prompts, resources, templates

    var method: String {
        switch self {
        case .tools: "tools/list"
        case .prompts: "prompts/list"
        case .resources: "resources/list"
        case .templates: "resources/templates/list"
        }
    }

    /// The notification that tells of a change of it.
    var changed: String {
        switch self {
        case .tools: "notifications/tools/list_changed"
        case .prompts: "notifications/prompts/list_changed"
        case .resources, .templates: "notifications/resources/list_changed"
        }
    }

    /// The member of the result.
    var member: String {
        switch self {
        case .tools: "tools"
        case .prompts: "prompts"
        case .resources: "resources"
        case .templates: "resourceTemplates"
        }
    }
}

/// Asks several servers for all pages of one list, at once, and answers when all have answered or failed.
final class ListGathering {
    struct List {
        var server: CompiledServer
        /// In the server's order.
        var items: [JSONTree] = []
        var problem: GatewayError?
        /// The server does not have such a list.
        var isMissing = false
        /// Of all pages.
        var byteCount = 0
        /// How long it may be kept, and whether by everyone; what a server does not say is not kept.
        var ttlMilliseconds = 0
    }

    /// How one server's list came; its tools are on the shelf.
    struct Outcome: Sendable {
        var problem: GatewayError?
        var isMissing = false

        init() {}

        init(_ lists: [List]) { (problem, isMissing) = (lists.first?.problem, lists.first?.isMissing ?? false) }
    }

    private let kind: ListKind
    private let caller: ServerCaller
    private let services: MCPServices
    private let governance: ToolGovernance
    private let worker: Worker
    private var lists: [List]
    /// Of each server's list when it was asked for.
    private let editions: [UInt64]
    private var requests: [Int: ServerRequest] = [:]
    private var done: (([List]) -> Void)?
    private static let pagesMax = 1_000
    /// How many of the largest results a whole list may be.
    private static let resultsMax = 4

    init(
        _ kind: ListKind, _ servers: [CompiledServer], _ caller: ServerCaller, _ services: MCPServices,
        _ governance: ToolGovernance, on worker: Worker
    ) {
        self.governance = governance
        self.kind = kind
        self.caller = caller
        self.services = services
        self.worker = worker
        lists = servers.map { List(server: $0) }
        editions = servers.map { services.shelf.edition(of: $0) }
    }

    func start(_ done: @escaping ([List]) -> Void) {
        self.done = done
        guard !lists.isEmpty else { return finish() }
        for index in lists.indices { ask(index, cursor: nil, page: 1) }
    }

    func cancel() {
        done = nil
        for request in requests.values { request.cancel() }
        requests.removeAll()
    }

    private func ask(_ index: Int, cursor: String?, page: Int) {
        var params: JSONObject = [:]
        if let cursor { params["cursor"] = .text(cursor) }
        let request = ServerRequest(
            lists[index].server, kind.method, params: JSONTree.object(params).bytes, caller, services, on: worker)
        requests[index] = request
        request.onEnd = { [self] in take($0, index, page: page) }
        request.start()
    }

    private func take(_ reply: ServerRequest.Reply, _ index: Int, page: Int) {
        requests[index] = nil
        switch reply {
        case .failed(let error): lists[index].problem = error
        case .ended: lists[index].problem = unreadable(index)
        case .error(let error, _):
            let code = (try? JSONTree.parse(error))?["code"]?.int
            if code == JSONRPCCode.methodNotFound {
                lists[index].isMissing = true
            } else {
                lists[index].problem = unreadable(index)
            }
        case .result(let reply):
            let bytes = reply.bytes
            guard let result = (try? JSONTree.parse(bytes))?.object, let items = result[kind.member]?.array else {
                lists[index].problem = unreadable(index)
                break
            }
            lists[index].items += items
            lists[index].byteCount += bytes.count
            if page == 1 { lists[index].ttlMilliseconds = max(0, result["ttlMs"]?.int ?? 0) }
            guard lists[index].items.count <= lists[index].server.toolsMax, page < ListGathering.pagesMax else {
                lists[index].items = []
                lists[index].problem = GatewayError(
                    .upstreamProtocolError,
                    "the server lists more than \(lists[index].server.toolsMax): \(lists[index].server.shownName)",
                    hint: "the operator raises toolsMax of the MCPServer")
                break
            }
            guard lists[index].byteCount / ListGathering.resultsMax <= lists[index].server.resultBytesMax else {
                lists[index].items = []
                lists[index].problem = GatewayError(
                    .upstreamProtocolError,
                    "the server's list is larger than \(ListGathering.resultsMax) results may be: "
                        + lists[index].server.shownName,
                    hint: "the operator raises limits.resultBytesMax of the MCPServer")
                break
            }
            if let next = result["nextCursor"]?.string?.value, !next.isEmpty {
                return ask(index, cursor: next, page: page + 1)
            }
        }
        settle(index)
        if requests.isEmpty, !lists.indices.contains(where: { isOpen($0) }) { finish() }
    }

    /// Tools are kept for the calls that follow.
    private func settle(_ index: Int) {
        settled.insert(index)
        guard kind == .tools, lists[index].problem == nil else { return }
        let server = lists[index].server
        var tools: [ToolDefinition] = []
        var seen: Set<ExactName> = []
        var isChanged = false
        var looks: Set<String> = []
        lists[index].items = lists[index].items.filter { item in
            guard var tool = try? ToolDefinition(item), seen.insert(ExactName(tool.name)).inserted else { return false }
            if !looks.insert(tool.name.lowercased()).inserted {
                tool = ToolDefinition(tool, suspicion: "its name looks like another's")
            }
            if see(tool, at: server) { isChanged = true }
            tools.append(tool)
            return true
        }
        // Whom others were shown it to as it was must not call it as it is.
        if isChanged { services.shelf.changed(server) }
        let edition = isChanged ? services.shelf.edition(of: server) : editions[index]
        _ = services.shelf.fill(server, for: caller.owner, tools, edition: edition, now: worker.now)
    }

    /// What a server lists is remembered, so that a change of it is noticed and can be looked at; true for one.
    private func see(_ tool: ToolDefinition, at server: CompiledServer) -> Bool {
        let terms = governance.terms(server: server.shownName, tool: tool.name)
        return services.book.see(
            server: server.shownName, tool: tool.name, digest: tool.digest, definition: tool.tree.compactText,
            suspicion: tool.suspicion, pinsFirst: terms.pin != .approved,
            nowSeconds: Int(worker.wallNanoseconds / 1_000_000_000))
    }

    private var settled: Set<Int> = []

    private func isOpen(_ index: Int) -> Bool { !settled.contains(index) }

    private func unreadable(_ index: Int) -> GatewayError {
        GatewayError(
            .upstreamProtocolError,
            "the server's answer to \(kind.method) cannot be used: \(lists[index].server.shownName)")
    }

    private func finish() {
        let done = done
        self.done = nil
        done?(lists)
    }
}
