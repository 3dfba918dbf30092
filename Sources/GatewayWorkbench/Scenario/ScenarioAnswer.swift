/// What came of a request, whatever the protocol, and the comparison with what was expected.
struct ScenarioAnswer: Sendable {
    var status = 0
    var headers: [Header] = []
    var trailers: [Header] = []
    var body: [UInt8] = []
    var messages: [String] = []
    var milliseconds = 0
    var failure: CallError?

    var text: String { String(decoding: body, as: UTF8.self) }

    /// Throws the first difference.
    func check(_ expect: ScenarioExpectation, _ expand: (String) throws -> String) throws {
        if let wanted = expect.failure {
            guard let failure else {
                throw ScenarioFault("expected the exchange to fail (\(wanted.rawValue)), got status \(status)")
            }
            guard wanted.matches(failure) else { throw ScenarioFault("expected \(wanted.rawValue), got: \(failure)") }
            return
        }
        if let failure { throw ScenarioFault("\(failure)") }
        let isExpected = expect.statuses.isEmpty ? status < 400 : expect.statuses.contains(status)
        guard isExpected else {
            let wanted =
                expect.statuses.isEmpty ? "below 400" : expect.statuses.map(String.init).joined(separator: " or ")
            throw ScenarioFault("expected status \(wanted), got \(status): \(text.prefix(200))")
        }
        for (name, wanted) in expect.headers { try check(wanted, headers, name, "header", expand) }
        for (name, wanted) in expect.trailers { try check(wanted, trailers, name, "trailer", expand) }
        for wanted in expect.body { try check(wanted, text, "body", expand) }
        try checkJSON(expect.json, expand)
        for (index, wanted) in expect.messages.enumerated() {
            let wanted = try expand(wanted)
            let got = index < messages.count ? messages[index] : nil
            guard got == wanted else {
                throw ScenarioFault("expected message \(index) to be \(wanted), got \(got ?? "none")")
            }
        }
        if let bound = expect.latencyMilliseconds, milliseconds > bound {
            throw ScenarioFault("expected an answer within \(bound) ms, took \(milliseconds) ms")
        }
    }

    private func checkJSON(
        _ wanted: [(path: String, value: JSONValue)], _ expand: (String) throws -> String
    ) throws {
        guard !wanted.isEmpty else { return }
        guard let json = JSONValue(json: body) else {
            throw ScenarioFault("expected a JSON body, got \(text.prefix(200))")
        }
        for (path, value) in wanted {
            let value = try value.mapStrings(expand)
            guard let got = json.at(path) else { throw ScenarioFault("nothing at \(path) in \(text.prefix(200))") }
            guard got.matches(value) else {
                throw ScenarioFault("expected \(path) to be \(value.json), got \(got.json)")
            }
        }
    }

    private func check(
        _ wanted: ScenarioExpectation.Text, _ fields: [Header], _ name: String, _ what: String,
        _ expand: (String) throws -> String
    ) throws {
        let values = fields.all(name)
        if case .absent = wanted {
            guard values.isEmpty else { throw ScenarioFault("expected no \(what) \(name), got \(values[0])") }
            return
        }
        guard !values.isEmpty else { throw ScenarioFault("no \(what) \(name)") }
        try check(wanted, values.joined(separator: ", "), "\(what) \(name)", expand)
    }

    private func check(
        _ wanted: ScenarioExpectation.Text, _ got: String, _ what: String, _ expand: (String) throws -> String
    ) throws {
        switch wanted {
        case .equals(let text):
            let text = try expand(text)
            guard got == text else { throw ScenarioFault("expected \(what) to be \(text), got \(got.prefix(200))") }
        case .contains(let text):
            let text = try expand(text)
            guard got.contains(text) else {
                throw ScenarioFault("expected \(what) to contain \(text), got \(got.prefix(200))")
            }
        case .matches(let pattern):
            guard try Regex(pattern).firstMatch(in: got) != nil else {
                throw ScenarioFault("expected \(what) to match \(pattern), got \(got.prefix(200))")
            }
        case .absent: throw ScenarioFault("expected no \(what)")
        }
    }

    func captured(_ source: ScenarioCapture) throws -> String {
        switch source {
        case .status: return "\(status)"
        case .header(let name):
            guard let value = headers.first(name) else { throw ScenarioFault("no header \(name) to capture") }
            return value
        case .json(let path):
            guard let value = JSONValue(json: body)?.at(path) else {
                throw ScenarioFault("nothing at \(path) to capture")
            }
            return value.text
        case .regex(let pattern):
            guard let match = try Regex(pattern).firstMatch(in: text) else {
                throw ScenarioFault("nothing matches \(pattern) to capture")
            }
            let group = match.output.count > 1 ? match.output[1].substring : match.output[0].substring
            return group.map(String.init) ?? ""
        }
    }
}

extension ScenarioExpectation.Failure {
    func matches(_ error: CallError) -> Bool {
        switch (self, error) {
        case (.reset, .reset), (.reset, .streamReset), (.closed, .closedEarly), (.closed, .goneAway),
            (.timeout, .timedOut), (.connect, .connectFailed), (.tls, .tlsFailed), (.protocol, .protocolError):
            true
        default: false
        }
    }
}
