import GatewayModel
import NIOCore

/// Turns a request into what the mock provider does.
final class ModelProviderMock: Sendable {
    let options: MockModelServer.Options
    let ledger: MockModelLedger
    let shelf = ModelShelf()

    init(options: MockModelServer.Options, ledger: MockModelLedger) {
        self.options = options
        self.ledger = ledger
    }

    func steps(_ request: MockRequest) -> [MockStep] {
        let path = request.path
        if path.hasPrefix("/mock/") { return report(request, path) }
        let number = ledger.begin()
        var visit = ModelVisit(request, number: number, options: options)
        guard accepts(key: visit.entry.key) else { return refuse(visit, ModelError.asked(401)) }
        guard request.bodyBytes <= options.bodyBytesMax else { return refuse(visit, ModelError.asked(413)) }
        do {
            visit.addDirective()
            visit.arm(plan: options.faults, ledger: ledger)
            if let word = visit.directive.unknownWord {
                throw ModelCall.Rejection("the mock has no word \"\(word)\" [[mock: …]]")
            }
            if let steps = fault(visit) { return steps }
            if let call = try generating(&visit) { return generate(call, visit) }
            return try serve(&visit)
        } catch let rejection as ModelCall.Rejection {
            var error = ModelError(400, rejection.message, parameter: rejection.parameter)
            error.code = rejection.code
            return refuse(visit, error)
        } catch let error as ModelError {
            return refuse(visit, error)
        } catch {
            return refuse(visit, ModelError.asked(500))
        }
    }

    private func accepts(key: String) -> Bool {
        if !options.keys.isEmpty { return options.keys.contains(key) }
        return !options.requiresKey || !key.isEmpty
    }

    private func report(_ request: MockRequest, _ path: String) -> [MockStep] {
        switch (request.method, path) {
        case ("GET", "/mock/ledger"): return Self.plain(200, ledger.report)
        case ("GET", "/mock/journal"):
            let last = Query(target: request.target)["last"].flatMap { Int($0) } ?? 100
            return Self.plain(200, ledger.journal(last: max(0, last)))
        case ("POST", "/mock/reset"):
            ledger.clear()
            return Self.plain(200, ["reset": true])
        default: return Self.plain(404, ["error": "the mock has /mock/ledger, /mock/journal and POST /mock/reset"])
        }
    }

    static func plain(_ status: Int, _ document: JSONDocument) -> [MockStep] {
        let body = document.bytes
        return [
            .head(status, [Header("Content-Type", "application/json"), Header("Content-Length", "\(body.count)")]),
            .chunk(ByteBuffer(bytes: body)), .end([]),
        ]
    }

    /// The call, where the path is one that generates text.
    private func generating(_ visit: inout ModelVisit) throws -> ModelCall? {
        guard visit.request.method == "POST" else { return nil }
        let body = visit.body
        var call: ModelCall
        switch visit.path {
        case "/chat/completions": call = try .chat(try visit.document(), model: try visit.model())
        case "/completions": call = try .completion(try visit.document(), model: try visit.model())
        case "/messages": call = try .message(try visit.document(), model: try visit.model())
        case "/responses":
            let earlier = try shelf.earlierBytes(body?["previous_response_id"]?.text)
            call = try .response(try visit.document(), model: try visit.model(), earlierBytes: earlier)
        default: return nil
        }
        call.directive = visit.directive
        visit.entry.operation = call.operation.rawValue
        visit.entry.isStream = call.stream
        return call
    }

    // MARK: what fails

    func refuse(_ visit: ModelVisit, _ error: ModelError) -> [MockStep] {
        var entry = visit.entry
        entry.status = error.status
        ledger.end(entry, .refused, usage: .zero)
        let body = error.body(visit.entry.dialect, id: visit.token).bytes
        var headers = visit.headers(type: "application/json", length: body.count)
        if let seconds = visit.directive["retry-after"] { headers.append(Header("retry-after", seconds)) }
        if visit.entry.dialect == .anthropic, [429, 500, 503, 529].contains(error.status) {
            headers.append(Header("x-should-retry", "true"))
        }
        return visit.delays + [.head(error.status, headers), .chunk(ByteBuffer(bytes: body)), .end([])]
    }

    /// What happens instead of an answer; nil where there is one.
    private func fault(_ visit: ModelVisit) -> [MockStep]? {
        if let text = visit.directive["status"] {
            guard let status = Int(text), (300..<600).contains(status) else {
                return refuse(visit, ModelError(400, "status is not between 300 and 599: \(text)"))
            }
            return refuse(visit, ModelError.asked(status))
        }
        guard let text = visit.directive["fault"] else { return nil }
        guard let fault = MockModelFault.Name(rawValue: text) else {
            return refuse(visit, ModelError(400, "the mock has no fault \"\(text)\""))
        }
        switch fault {
        case .drop: return unanswered(visit, [.reset])
        case .silent: return unanswered(visit, [.hang])
        case .redirect:
            var headers = visit.headers(type: "text/plain", length: 0)
            headers.append(Header("location", "http://127.0.0.1:1/elsewhere"))
            return unanswered(visit, [.head(302, headers), .end([])], status: 302)
        case .empty:
            return unanswered(
                visit, [.head(200, visit.headers(type: "application/json", length: 0)), .end([])], status: 200)
        default: return nil
        }
    }

    private func unanswered(_ visit: ModelVisit, _ steps: [MockStep], status: Int = 0) -> [MockStep] {
        var entry = visit.entry
        entry.status = status
        ledger.end(entry, .refused, usage: .zero)
        return visit.delays + steps
    }
}
