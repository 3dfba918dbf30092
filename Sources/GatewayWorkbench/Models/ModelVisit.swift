import GatewayModel

/// One request on its way through the mock provider: what it is, and how it is to be answered.
struct ModelVisit {
    let request: MockRequest
    /// Without the prefix `/v1`, which some base URLs have and others do not.
    let path: String
    /// The body as JSON, where it is.
    let body: JSONDocument?
    let form: FormData?
    let seed: UInt64
    var entry: MockModelEntry
    var directive: MockModelDirective

    init(_ request: MockRequest, number: Int, options: MockModelServer.Options) {
        self.request = request
        seed = options.seed
        let full = request.path
        path = full.hasPrefix("/v1/") ? String(full.dropFirst(3)) : full
        let type = request.headers.first("content-type") ?? ""
        form = type.hasPrefix("multipart/") ? FormData(request.body, type: type) : nil
        body = form == nil && !request.body.isEmpty ? JSONDocument(json: request.body) : nil
        let isAnthropic =
            path.hasPrefix("/messages") || request.headers.has("anthropic-version")
            || request.headers.has("x-api-key")
        let bearer = request.headers.first("authorization")
            .flatMap { $0.lowercased().hasPrefix("bearer ") ? String($0.dropFirst(7)) : nil }
        directive = options.standing
        let asked = body?["model"]?.text ?? form?["model"] ?? ""
        entry = MockModelEntry(
            number: number, method: request.method, target: request.target, operation: String(path.dropFirst()),
            dialect: isAnthropic ? .anthropic : .openai, model: String(asked.prefix { $0 != ";" }),
            key: request.headers.first("x-api-key") ?? bearer ?? "", headers: request.headers,
            bodyBytes: request.bodyBytes, bodyFingerprint: fingerprint(request.body), isStream: false)
    }

    /// Sixteen digits that no other call of this server has, nor one of a server with another seed.
    var token: String {
        var numbers = SeededNumbers(seed: seed &* 1_000_003 &+ UInt64(entry.number))
        return hexadecimal(numbers.next())
    }

    var created: Int { 1_764_000_000 + entry.number }

    func document() throws -> JSONDocument {
        guard case .object? = body else {
            throw ModelCall.Rejection("We could not parse the JSON body of your request.")
        }
        return body ?? [:]
    }

    /// The model as it was asked for.
    func model() throws -> String {
        guard let model = (try document())["model"]?.text, !model.isEmpty else {
            throw ModelCall.Rejection("you must provide a model parameter", parameter: "model")
        }
        return model
    }

    /// Reads what the call says about its answer, from the model's name, the prompt and the headers.
    mutating func addDirective() {
        if let model = body?["model"]?.text ?? form?["model"] { directive.add(MockModelDirective(model: model)) }
        if let prompt { directive.add(MockModelDirective(prompt: prompt)) }
        directive.add(MockModelDirective(headers: request.headers))
    }

    /// The last text by the user, wherever the API has it.
    private var prompt: String? {
        if let text = body?["prompt"]?.text ?? form?["prompt"] { return text }
        if let text = body?["input"]?.text { return text }
        let list = body?["messages"]?.items ?? body?["input"]?.items ?? []
        for message in list.reversed() {
            if let text = message.text { return text }
            guard message["role"] == "user" else { continue }
            if let text = message["content"]?.text { return text }
            let texts = (message["content"]?.items ?? []).compactMap { $0["text"]?.text }
            if !texts.isEmpty { return texts.joined(separator: "\n") }
        }
        return nil
    }

    /// Decides whether this call fails: as it asks to, `times` times and for one dialect `only`, or by the plan.
    mutating func arm(plan: MockModelFaultPlan, ledger: MockModelLedger) {
        if let only = directive["only"], only != entry.dialect.rawValue { directive.dropFaults() }
        if let times = directive.number("times"), ledger.attempt(directive["id"] ?? "") > times {
            directive.dropFaults()
        }
        guard directive["fault"] == nil, directive["status"] == nil, let fault = plan.fault(call: entry.number) else {
            entry.fault = directive["status"] ?? directive["fault"] ?? ""
            return
        }
        switch fault {
        case .status(let status):
            directive["status"] = "\(status)"
            if status == 429, directive["retry-after"] == nil { directive["retry-after"] = "1" }
            entry.fault = "\(status)"
        case .named(let name):
            directive["fault"] = name.rawValue
            entry.fault = name.rawValue
        }
    }

    var delays: [MockStep] {
        directive.milliseconds("delay").map { [.wait(milliseconds: $0)] } ?? []
    }

    /// The headers a vendor sends with everything; none of its own may reach a gateway's caller.
    func headers(type: String, length: Int?) -> [Header] {
        var headers = [Header("content-type", directive["fault"] == "content-type" ? "text/html" : type)]
        if let length { headers.append(Header("content-length", "\(length)")) }
        guard directive["vendor-headers"] != "off" else { return headers }
        switch entry.dialect {
        case .openai:
            headers += [
                Header("x-request-id", "req_\(token)"), Header("openai-organization", "mock-organization"),
                Header("openai-version", "2020-10-01"), Header("openai-processing-ms", "7"),
                Header("x-ratelimit-limit-requests", "5000"), Header("x-ratelimit-remaining-requests", "4999"),
                Header("x-ratelimit-remaining-tokens", "1999999"), Header("set-cookie", "__cf_bm=mock; HttpOnly"),
            ]
        case .anthropic:
            headers += [
                Header("request-id", "req_\(token)"), Header("anthropic-organization-id", "mock-organization"),
                Header("anthropic-ratelimit-requests-limit", "4000"),
                Header("anthropic-ratelimit-requests-remaining", "3999"),
                Header("set-cookie", "__cf_bm=mock; HttpOnly"),
            ]
        }
        return headers
    }
}
