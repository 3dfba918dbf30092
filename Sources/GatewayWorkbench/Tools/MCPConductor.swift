import NIOCore

/// Does what was decided for one request, and tells the client over its outlet.
struct MCPConductor: Sendable {
    let mock: MCPServerMock
    let visit: MCPVisit
    let outlet: MCPOutlet
    private static let roundsMax = 16
    private static let answerSecondsMax = 30

    private var id: JSONDocument { visit.message.id ?? nil }

    /// The one message that is the answer, where there is nothing before it and nothing to wait for.
    static func immediate(_ acts: [MCPAct], _ visit: MCPVisit, _ mock: MCPServerMock) -> (JSONDocument, status: Int)? {
        guard acts.count == 1, let act = acts.first else { return nil }
        let id = visit.message.id ?? nil
        switch act {
        case .finish(let result):
            let isError = result["isError"] == true
            mock.journal.end(visit.number, isError ? .toolError : .result)
            return (MCPMessage.result(id, mock.dressed(result, visit)), 200)
        case .fail(let error):
            mock.journal.end(visit.number, .error, code: error.code)
            return (error.document(id: id), visit.revision.isStateless ? error.status : 200)
        case .ask(let questions, let keepsState) where visit.revision.isStateless:
            let (message, status) = mock.inputRequired(questions, keepsState, visit)
            return (message, status)
        default: return nil
        }
    }

    /// Plays to the end, or until the client cancels.
    func run(_ first: [MCPAct]) async {
        var (visit, acts) = (visit, first)
        do {
            for _ in 0..<Self.roundsMax {
                guard let questions = try await play(acts, visit) else { return outlet.end() }
                for question in questions {
                    visit.answers.set(question.key, try await answer(question))
                }
                acts = mock.acts(visit)
            }
            fail(MCPError(-32603, "there were too many rounds", status: 200))
        } catch let error as MCPError {
            fail(error)
        } catch {
            mock.journal.end(visit.number, .cancelled)
        }
        outlet.end()
    }

    private func fail(_ error: MCPError) {
        mock.journal.end(visit.number, .error, code: error.code)
        outlet.send(error.document(id: id))
    }

    /// What the client has to answer next; nil: that was all.
    private func play(_ acts: [MCPAct], _ visit: MCPVisit) async throws -> [MCPQuestion]? {
        for act in acts {
            try Task.checkCancellation()
            switch act {
            case .notify(let method, let params): outlet.send(MCPMessage.notification(method, params))
            case .pause(let milliseconds): try await Task.sleep(for: .milliseconds(milliseconds))
            case .ask(let questions, let keepsState):
                if visit.revision.isStateless {
                    outlet.send(mock.inputRequired(questions, keepsState, visit).0)
                    return nil
                }
                if let question = questions.first(where: { !visit.can($0) }) {
                    throw MCPError(-32600, "the client cannot do \(question.method)", status: 200)
                }
                return questions
            case .finish, .fail:
                if let (message, _) = Self.immediate([act], visit, mock) { outlet.send(message) }
                return nil
            case .poll(let retry):
                outlet.stream?.prime(retryMilliseconds: retry)
                outlet.stream?.detach()
            case .misbehave(let how): return try await misbehave(how)
            case .follow:
                let result = try await mock.taskResult(visit)
                if let (message, _) = Self.immediate([.finish(result)], visit, mock) { outlet.send(message) }
                return nil
            }
        }
        return nil
    }

    private func answer(_ question: MCPQuestion) async throws -> JSONDocument {
        guard let session = visit.session else {
            throw MCPError(-32600, "there is no session to ask in", status: 200)
        }
        return try await withThrowingTaskGroup(of: JSONDocument.self) { group in
            group.addTask { try await session.ask(question, outlet) }
            group.addTask {
                try await Task.sleep(for: .seconds(Self.answerSecondsMax))
                throw MCPError(-32603, "the client did not answer", status: 200)
            }
            defer { group.cancelAll() }
            return try await group.next() ?? [:]
        }
    }

    private func misbehave(_ how: MCPMisbehaviour) async throws -> [MCPQuestion]? {
        let result = mock.dressed(["content": [MCPContent.text("I misbehave")]], visit)
        mock.journal.end(visit.number, .broken)
        switch how {
        case .invalidJSON: outlet.raw(#"{"jsonrpc":"2.0","id":\#(id.json),"result":{"content":["#)
        case .notRPC: outlet.raw(#"{"hello":"world"}"#)
        case .wrongID: outlet.send(MCPMessage.result("somebody-else", result))
        case .wrongIDType:
            // A number as a string, and the other way round.
            outlet.send(MCPMessage.result(id.integer.map { .string("\($0)") } ?? .int(0), result))
        case .resultAndError:
            outlet.send(
                MCPMessage.result(id, result).setting("error", ["code": -32603, "message": "and an error"]))
        case .twice:
            outlet.send(MCPMessage.result(id, result))
            outlet.send(MCPMessage.result(id, result))
        case .noAnswer, .status500, .reset: break
        case .silent: try await Task.sleep(for: .seconds(86_400))
        case .endless: try await endless()
        case .huge:
            let text = String(repeating: "0123456789abcdef", count: 10 << 16)
            outlet.send(MCPMessage.result(id, mock.dressed(["content": [MCPContent.text(text)]], visit)))
        case .askOnStream:
            outlet.send(MCPMessage.request("mock-rude", "roots/list", [:]))
            outlet.send(MCPMessage.result(id, result))
        case .wrongType: outlet.send(MCPMessage.result(id, ["resultType": "complete", "content": "no list"]))
        case .unknownResultType: outlet.send(MCPMessage.result(id, result.setting("resultType", "surprise")))
        case .deep:
            let open = String(repeating: "[", count: 10_000)
            let close = String(repeating: "]", count: 10_000)
            outlet.raw(
                #"{"jsonrpc":"2.0","id":\#(id.json),"result":{"content":[],"structuredContent":\#(open)\#(close)}}"#)
        case .twinMembers:
            let twins = #""content":[],"content":[{"type":"text","text":"the other"}]"#
            outlet.raw(#"{"jsonrpc":"2.0","id":\#(id.json),"result":{"resultType":"complete",\#(twins)}}"#)
        }
        return nil
    }

    private func endless() async throws {
        var count = 0
        while true {
            count += 1
            let params: JSONDocument = [
                "progressToken": visit.progressToken ?? "none", "progress": .int(count), "message": "and on",
            ]
            outlet.send(MCPMessage.notification("notifications/progress", params))
            try await Task.sleep(for: .milliseconds(5))
        }
    }
}

extension MCPServerMock {
    /// A result as its revision wants it.
    func dressed(_ result: JSONDocument, _ visit: MCPVisit) -> JSONDocument {
        guard visit.revision.isStateless else {
            guard visit.revision < .june2025 else { return result }
            return .object(result.members.filter { $0.name != "structuredContent" })
        }
        var dressed: JSONDocument = ["resultType": "complete"]
        for member in result.members { dressed.set(member.name, member.value) }
        let cacheable: Set<String> = [
            "server/discover", "tools/list", "prompts/list", "resources/list", "resources/templates/list",
            "resources/read",
        ]
        if cacheable.contains(visit.method) {
            dressed.set("ttlMs", .int(options.ttlMilliseconds))
            dressed.set("cacheScope", .string(options.cacheScope))
        }
        dressed.set("_meta", (dressed["_meta"] ?? [:]).setting(MCPMeta.serverInfo, info))
        return dressed
    }

    /// What asks the client without holding anything for it: it sends the request again, with its answers.
    func inputRequired(
        _ questions: [MCPQuestion], _ keepsState: Bool, _ visit: MCPVisit
    ) -> (JSONDocument, status: Int) {
        let id = visit.message.id ?? nil
        if let question = questions.first(where: { !visit.can($0) }) {
            journal.end(visit.number, .error, code: -32021)
            let error = MCPError(
                -32021, "the client cannot do \(question.method)",
                data: ["requiredCapabilities": question.capability])
            return (error.document(id: id), 400)
        }
        let requests = questions.map {
            JSONDocument.Member(name: $0.key, value: ["method": .string($0.method), "params": $0.params])
        }
        var result: JSONDocument = ["resultType": "input_required", "inputRequests": .object(requests)]
        if keepsState { result.set("requestState", .string(sealed(visit))) }
        result.set("_meta", [MCPMeta.serverInfo: info])
        journal.end(visit.number, .input)
        return (MCPMessage.result(id, result), 200)
    }

    private func sealed(_ visit: MCPVisit) -> String {
        let state: JSONDocument = [
            "method": .string(visit.method), "name": .string(visit.name), "answers": visit.answers,
        ]
        return "\(mark(state.json)).\(state.json)"
    }

    /// Tells a change; it is no protection against anyone.
    private func mark(_ text: String) -> String {
        hexadecimal(fingerprint("\(options.seed) \(text) \(options.secret)".utf8))
    }

    /// The answers of earlier rounds and of this one.
    func answers(_ message: MCPMessage) throws -> JSONDocument {
        var answers: JSONDocument = [:]
        if let text = message.params["requestState"]?.text {
            let parts = text.split(separator: ".", maxSplits: 1)
            guard parts.count == 2, mark(String(parts[1])) == parts[0],
                let state = JSONDocument(json: String(parts[1])),
                state["method"]?.text == message.method, state["name"]?.text == message.params["name"]?.text ?? ""
            else { throw MCPError.parameters("requestState integrity check failed") }
            answers = state["answers"] ?? [:]
        }
        guard let given = message.params["inputResponses"] else { return answers }
        guard case .object(let members) = given else { throw MCPError.parameters("inputResponses is no object") }
        for member in members {
            guard case .object = member.value else { throw MCPError.parameters("an answer is no object") }
            answers.set(member.name, member.value)
        }
        return answers
    }
}
