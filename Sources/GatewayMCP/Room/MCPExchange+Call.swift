import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayWire
import NIOCore

/// Calls that go to one server: decided on the body, sent with the server's own names.
extension MCPExchange {
    func callTool(_ call: ClientCall) throws(ClientFault) {
        guard let name = call.string("name"), !name.isEmpty else { throw missing("name", call) }
        if view.isSearched { return try callFinder(name, call) }
        try callTool(name, try arguments(call), call)
    }

    /// By the name that this path has for it.
    func callTool(_ name: String, _ arguments: JSONTree, _ call: ClientCall) throws(ClientFault) {
        if let (server, own) = view.split(name) { return try callTool(own, at: server, as: name, arguments, call) }
        let unprefixed = view.servers.filter { view.prefixMode($0) != .always }
        guard !view.isSingle, !unprefixed.isEmpty else { throw unknown(.tool, name, call) }
        // Whose it is only their lists say.
        withShelves(unprefixed, call) { [self] shelves in
            let owners = zip(unprefixed, shelves).filter { server, shelf in
                shelf?.tools[ExactName(name)] != nil && isListed(.tool, name, server)
            }.map(\.0)
            do throws(ClientFault) {
                guard let server = owners.first else { throw unknown(.tool, name, call) }
                guard owners.count == 1 else { throw ambiguous(name, owners, call) }
                try callTool(name, at: server, as: name, arguments, call)
            } catch { answer(error) }
        }
    }

    private func ambiguous(_ name: String, _ owners: [CompiledServer], _ call: ClientCall) -> ClientFault {
        let names = owners.map { view.prefixedName(name, of: $0) }
        return ClientFault(
            JSONRPCCode.invalidParams,
            "several servers have a tool of this name: \(name) (\(names.joined(separator: ", ")))", id: call.id)
    }

    private func callTool(
        _ own: String, at server: CompiledServer, as shown: String, _ arguments: JSONTree, _ call: ClientCall
    ) throws(ClientFault) {
        let terms = terms(of: own, at: server)
        let verdict = try judge(.tool, own, at: server, as: shown, arguments: arguments, risk: terms.risk, call)
        try checkScopes(terms, call)
        // Before anybody is asked: an approval is not spent on what will not be sent.
        if let refusal = services.health.refusal(of: server) {
            // Rules let it through: it is the server that fails.
            self.server = server
            throw ClientFault(refusal, id: call.id, status: 200)
        }
        note?.argumentsDigest = ToolDigest.of(arguments)
        note?.risk = terms.risk
        // Nearly always the list is known.
        if let shelf = services.shelf.shelf(of: server, for: owner, now: worker.now) {
            return try callTool(own, of: shelf, at: server, as: shown, terms, arguments, verdict, call)
        }
        withShelves([server], call) { [self] shelves in
            do throws(ClientFault) {
                try callTool(own, of: shelves.first ?? nil, at: server, as: shown, terms, arguments, verdict, call)
            } catch { answer(error) }
        }
    }

    private func callTool(
        _ own: String, of shelf: ToolShelf.Shelf?, at server: CompiledServer, as shown: String, _ terms: ToolTerms,
        _ arguments: JSONTree, _ verdict: Verdict, _ call: ClientCall
    ) throws(ClientFault) {
        // What the server does not list for this caller is not called either: nobody has looked at it.
        guard let definition = shelf?.tools[ExactName(own)] else { throw unknown(.tool, shown, call) }
        note?.pin = definition.digest
        if let refusal = refusal(of: definition, terms, at: server) {
            throw changed(definition, refusal, server, call)
        }
        if try isAnswered(definition, terms, arguments, call) { return }
        guard verdict.decision == .ask else {
            return try send(definition, at: server, as: shown, terms, arguments, call)
        }
        try askPerson(definition, at: server, arguments, verdict, call) { [self] () throws(ClientFault) in
            try send(definition, at: server, as: shown, terms, arguments, call)
        }
    }

    private func send(
        _ definition: ToolDefinition, at server: CompiledServer, as shown: String, _ terms: ToolTerms,
        _ arguments: JSONTree, _ call: ClientCall
    ) throws(ClientFault) {
        let own = definition.name
        do throws(GatewayError) {
            guard call.params.byteCount <= terms.argumentBytesMax else {
                throw GatewayError(
                    .bodyTooLarge, "the tool's arguments are larger than \(terms.argumentBytesMax) bytes")
            }
            if let kept = parkedPermit(call, server) {
                permit = kept
            } else {
                permit = try services.limiters.take(
                    terms, server: server.shownName, tool: own, owner: owner, now: worker.now)
            }
        } catch {
            exchange?.record.errorCode = error.code
            throw ClientFault(error, id: call.id, status: 200)
        }
        self.terms = terms
        self.definition = definition
        calledTool = own
        let fields = try fieldParameters(definition, arguments, call)
        try reserve(definition, at: server, terms.price, call)
        let isRenamed = own != shown || view.isSearched
        let found = view.isSearched ? arguments.bytes : nil
        let prepare = { (request: ServerRequest) in
            request.name = own
            request.fields = fields
            request.edit.keepsTask = call.asksForTask
            if isRenamed { request.edit.renamed = ("name", MCPExchange.json(own)) }
            if let found { request.edit.extra.append(("arguments", found)) }
        }
        if let promise = try record(call) {
            return wait(for: promise, call) { [self] in forward("tools/call", to: server, call, prepare) }
        }
        forward("tools/call", to: server, call, prepare)
    }

    /// The arguments as a tree, refused where a name comes twice: what is judged must be what the server reads.
    func arguments(_ call: ClientCall) throws(ClientFault) -> JSONTree {
        guard call.has("arguments") else { return .object(JSONObject()) }
        guard let tree = call.tree("arguments"), tree.object != nil || tree.isNull else {
            throw ClientFault(
                JSONRPCCode.invalidParams, "arguments must be an object without a name twice", id: call.id)
        }
        return tree
    }

    /// What a client repeats in fields must be what it says in the body; what goes to the server is made anew.
    private func fieldParameters(
        _ definition: ToolDefinition, _ arguments: JSONTree, _ call: ClientCall
    ) throws(ClientFault) -> [(name: String, value: [UInt8])] {
        guard let exchange else { return [] }
        var fields: [(name: String, value: [UInt8])] = []
        for parameter in definition.fieldParameters {
            let text = parameter.text(in: arguments)
            if call.isStateless, !view.isSearched {
                let given = try ClientCall.value(parameter.field, exchange.request, call.id)
                guard
                    given == nil ? text == nil : text.map({ parameter.matches(Array((given ?? "").utf8), $0) }) ?? false
                else {
                    throw ClientFault(
                        JSONRPCCode.headerMismatch,
                        "header mismatch: \(parameter.field) is not what the body says", id: call.id)
                }
            }
            if let text { fields.append((parameter.field, HeaderValue.encoded(text))) }
        }
        return fields + unknownFields(definition)
    }

    /// Fields that no definition knows go on as they are; of an argument that is not there none does.
    func unknownFields(_ definition: ToolDefinition) -> [(name: String, value: [UInt8])] {
        guard let given = exchange?.request.fields else { return [] }
        var fields: [(name: String, value: [UInt8])] = []
        for entry in given.entries where given.begins(entry.name, with: MCPName.paramPrefix) {
            let text = given.text(entry.name)
            guard !definition.fieldParameters.contains(where: { $0.field == text }) else { continue }
            fields.append((text, given.copy(entry.value)))
        }
        return fields
    }

    // MARK: Prompts, resources, completion

    func getPrompt(_ call: ClientCall) throws(ClientFault) {
        guard let name = call.string("name"), !name.isEmpty else { throw missing("name", call) }
        guard let (server, own) = view.split(name) else { throw unknown(.prompt, name, call) }
        _ = try judge(.prompt, own, at: server, as: name, arguments: try arguments(call), call)
        terms = room.catalog.governance.terms(server: server.shownName)
        forward("prompts/get", to: server, call) { request in
            request.name = own
            if own != name { request.edit.renamed = ("name", MCPExchange.json(own)) }
        }
    }

    func readResource(_ call: ClientCall) throws(ClientFault) {
        guard let uri = call.string("uri"), !uri.isEmpty else { throw missing("uri", call) }
        let (server, own) = try resource(uri, call)
        _ = try judge(.resource, own, at: server, as: uri, arguments: nil, call)
        terms = room.catalog.governance.terms(server: server.shownName)
        forward("resources/read", to: server, call) { request in
            request.name = own
            if own != uri { request.edit.renamed = ("uri", MCPExchange.json(own)) }
        }
    }

    /// Where a resource is, by a URI that means the same to policies and to its server.
    private func resource(
        _ uri: String, _ call: ClientCall
    ) throws(ClientFault) -> (server: CompiledServer, uri: String) {
        guard let found = view.split(uri: uri) else { throw unknown(.resource, uri, call) }
        guard ResourceURI.isPlain(found.uri) else {
            throw ClientFault(
                JSONRPCCode.invalidParams,
                "the URI is not in its plain form: no dot segments, no encoded letters, digits, dots or slashes, "
                    + "a lower-case scheme",
                id: call.id)
        }
        return found
    }

    func complete(_ call: ClientCall) throws(ClientFault) {
        guard let bytes = call.json("ref"), var reference = (try? JSONTree.parse(bytes))?.object else {
            throw missing("ref", call)
        }
        let isPrompt = reference["type"]?.string?.value == "ref/prompt"
        let member = isPrompt ? "name" : "uri"
        guard let shown = reference[member]?.string?.value else { throw missing("ref.\(member)", call) }
        let found = isPrompt ? view.split(shown) : view.split(uri: shown).map { ($0.server, name: $0.uri) }
        let item: ToolAccessTable.Item = isPrompt ? .prompt : .resource
        guard let (server, own) = found, isPrompt || ResourceURI.isPlain(own) else { throw unknown(item, shown, call) }
        _ = try judge(item, own, at: server, as: shown, arguments: nil, call)
        terms = room.catalog.governance.terms(server: server.shownName)
        reference[member] = .text(own)
        let edited = JSONTree.object(reference).bytes
        forward("completion/complete", to: server, call) { request in
            if own != shown { request.edit.renamed = ("ref", edited) }
        }
    }

    /// A subscription of a session lives at its server.
    func subscribe(_ call: ClientCall) throws(ClientFault) {
        guard let uri = call.string("uri"), !uri.isEmpty else { throw missing("uri", call) }
        let (server, own) = try resource(uri, call)
        _ = try judge(.resource, own, at: server, as: uri, arguments: nil, call)
        terms = room.catalog.governance.terms(server: server.shownName)
        if let session = call.session {
            let isOn = call.method == "resources/subscribe"
            let goesOn = !isStateless(server)
            let eventLoop = worker.eventLoop
            let here = NIOLoopBound(self, eventLoop: eventLoop)
            let isKept = services.clients.setSubscription(own, session.id, server: server.name, isOn: isOn) {
                guard !goesOn else { return }
                eventLoop.execute { here.value.finish(result: Array("{}".utf8), of: call) }
            }
            guard isKept else {
                throw ClientFault(JSONRPCCode.invalidParams, "the session has too many subscriptions", id: call.id)
            }
            if !goesOn { return armTimer() }
        }
        forward(call.method, to: server, call) { request in
            if own != uri { request.edit.renamed = ("uri", MCPExchange.json(own)) }
        }
    }

    private func isStateless(_ server: CompiledServer) -> Bool {
        switch server.protocol {
        case .stateless: return true
        case .session, .sse: return false
        case .auto: break
        }
        guard case .stateless = services.live.era(of: server) else { return false }
        return true
    }

    // MARK: Deciding

    /// Phase 4, decide, on what the body says. What a caller may never use is as unknown as what is not there.
    private func judge(
        _ item: ToolAccessTable.Item, _ own: String, at server: CompiledServer, as shown: String,
        arguments: JSONTree?, risk: ToolRisk? = nil, _ call: ClientCall
    ) throws(ClientFault) -> Verdict {
        let access = room.catalog.access
        guard isWithinReach(item, own, server) else { throw unknown(item, shown, call) }
        var asked = ToolAccessTable.Request(server: server.shownName, item: item, name: own)
        // Of what CEL cannot hold nothing is known, which never helps the caller.
        if access.readsArguments {
            if let object = arguments?.object { asked.arguments = CELMap(object) } else { asked.arguments = .empty }
        }
        if access.readsTime { asked.now = now }
        if access.readsRisk { asked.risk = risk }
        let verdict = access.decide(principal, asked)
        note?.server = server.shownName
        note?.slot = server.backend.metricSlot
        note?.item = own.first(256)
        note?.verdict = verdict.decision.name
        exchange?.verdict = (exchange?.verdict ?? .allowed).and(verdict)
        exchange?.record.verdictRule = verdict.rule
        guard var error = verdict.error, verdict.decision == .deny || item != .tool else { return verdict }
        guard access.lists(principal, asked) else { throw unknown(item, shown, call) }
        error.hint = access.nextStep(principal, asked, verdict)
        exchange?.record.errorCode = error.code
        throw ClientFault(error, id: call.id, status: 200)
    }

    var now: CELTimestamp { CELTimestamp(wallNanoseconds: worker.wallNanoseconds) }

    func isWithinReach(_ item: ToolAccessTable.Item, _ own: String, _ server: CompiledServer) -> Bool {
        view.isWithinReach(item, own, of: server, principal)
    }

    func missing(_ name: String, _ call: ClientCall) -> ClientFault {
        ClientFault(JSONRPCCode.invalidParams, "params.\(name) is missing", id: call.id)
    }

    func unknown(_ item: ToolAccessTable.Item, _ name: String, _ call: ClientCall) -> ClientFault {
        exchange?.record.errorCode = .unknownTool
        let hint = "\(item.word)s/list names what you may use; anything else needs a rule of a ToolAccessPolicy for you"
        let data: JSONTree = ["code": .text(ErrorCode.unknownTool.rawValue), "hint": .text(hint)]
        return ClientFault(
            JSONRPCCode.invalidParams, "unknown \(item.word): \(name.prefix(128))", data: data.bytes, id: call.id)
    }

    static func json(_ text: String) -> [UInt8] {
        var out: [UInt8] = []
        JSONWriter.append(string: text.utf8Span.span, to: &out)
        return out
    }

    // MARK: Sending

    /// Sends the client's params to one server and passes on what comes back.
    func forward(
        _ method: String, to server: CompiledServer, _ call: ClientCall, round: Int = 1,
        answers: [(name: StaticString, value: [UInt8])] = [], _ prepare: @escaping (ServerRequest) -> Void
    ) {
        guard let exchange else { return }
        var params: RequestParams? = call.params
        if let approval { params = CallExtras.approved(call.params, meta: approval.meta) }
        let request = ServerRequest(server, method, params: params, caller(call), services, on: worker)
        prepare(request)
        // A session has no such members: what a server without one is told of them is the gateway's word.
        if !call.isStateless { request.edit.removed += ["requestState", "inputResponses"] }
        if !answers.isEmpty { request.edit.extra += answers }
        request.edit.traceparent = ownTraceparent
        do throws(ClientFault) {
            if try takeState(call, server, request) { return }
        } catch { return answer(error) }
        self.request = request
        self.server = server
        exchange.record.backend = server.backend.name
        exchange.record.backendID = server.backend.metricSlot
        exchange.record.attempts = 1
        request.canTakeMore = { [self] in self.exchange?.isDownstreamWritable ?? true }
        request.onMessage = { [self] in pass($0, call) }
        if call.session != nil {
            request.onMark = { [self] id, retry in
                send(event: [], id: mark(call, id), retryMilliseconds: retry)
                self.exchange?.flush()
            }
        }
        request.onEnd = { [self, unowned request] reply in
            self.request = nil
            if var client = note?.client {
                request.end(&client, reply)
                note?.client = client
            }
            if case .ended = reply { goesOn(request) }
            // Unheard to its end.
            if self.exchange == nil { letGo() }
            if case .failed(let error) = reply, askToConnect(error, at: server, call) { return }
            if case .result(let result) = reply, !call.isStateless,
                askForServer(
                    result, call, server, round: round,
                    again: { [self] answers in
                        do throws(ClientFault) { try checkCaller(call) } catch { return answer(error) }
                        // Those of this round alone: the server's state knows the others.
                        forward(method, to: server, call, round: round + 1, answers: answers, prepare)
                    })
            {
                return
            }
            take(reply, call)
        }
        armTimer()
        if exchange.record.traceSampled, note?.client == nil {
            var client = request.record
            client.startedNanoseconds = worker.now
            note?.client = client
        }
        request.start()
    }
}
