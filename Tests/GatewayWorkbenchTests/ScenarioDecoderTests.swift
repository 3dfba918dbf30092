import GatewayModel
import GatewayWorkbench
import Testing

@Suite("Scenario files are read strictly")
struct ScenarioDecoderTests {
    private static let good = """
        name: all of it
        variables: {who: me}
        serve:
          - {name: app, namespace: infra, service: s, pod: app-0}
        steps:
          - name: first
            request:
              method: PUT
              url: ${app.url}/a
              headers: {X-One: 1, X-Two: [a, b]}
              json: {n: 1, list: [true, null, 1.5, "${who}"]}
              protocol: h2
              timeout: 2s
            expect:
              status: [200, 201]
              headers:
                content-type: application/json
                server: {absent: true}
                x-id: {matches: "^[0-9]+$"}
              body:
                contains: [a, b]
                json: {pod: app-0}
              latency: 500ms
            capture:
              pod: {json: pod}
            repeat: 10
            parallel: 2
            eventually: 1s
          - served: {app: 10}
        """

    @Test("every field arrives")
    func fields() throws {
        let scenario = try ScenarioDecoder.decode(Self.good, file: "s.yaml")
        #expect(scenario.name == "all of it")
        #expect(scenario.variables == ["who": "me"])
        #expect(scenario.serve.first?.pod == MockPod(namespace: "infra", service: "s", pod: "app-0"))
        let step = try #require(scenario.steps.first)
        #expect(step.repeats == 10)
        #expect(step.parallel == 2)
        #expect(step.eventuallyMilliseconds == 1000)
        let request = try #require(step.request)
        #expect(request.method == "PUT")
        #expect(request.headers == [Header("X-One", "1"), Header("X-Two", "a"), Header("X-Two", "b")])
        #expect(
            request.json
                == .object(["n": .integer(1), "list": .array([.bool(true), .null, .number(1.5), .string("${who}")])]))
        #expect(request.wire == .http2)
        #expect(step.expect.statuses == [200, 201])
        #expect(step.expect.headers.count == 3)
        #expect(step.expect.body.count == 2)
        #expect(step.expect.latencyMilliseconds == 500)
        #expect(scenario.steps.last?.served.first?.count == 10)
    }

    @Test(
        "what is wrong is said with file, line and column",
        arguments: [
            ("name: a\nstep: []", ErrorCode.unknownField, "s.yaml:2:1: unknown field step", "did you mean steps?"),
            (
                "name: a\nsteps:\n  - request: {url: x}\n    expects: {}", .unknownField,
                "s.yaml:4:5: unknown field expects", "did you mean expect?"
            ),
            (
                "name: a\nsteps:\n  - request: {url: x}\n    repeat: many", .wrongType,
                "s.yaml:4:13: expected a whole number, found many", ""
            ),
            (
                "name: a\nsteps:\n  - request: {url: x}\n    repeat: \"2\"", .wrongType,
                "s.yaml:4:13: expected a whole number, found 2", ""
            ),
            (
                "name: a\nsteps:\n  - request: {url: x}\n    repeat: 0", .invalidValue,
                "s.yaml:4:13: expected a number from 1 to 1000000, found 0", ""
            ),
            (
                "name: a\nsteps:\n  - request: {url: x, protocol: h3}", .invalidValue, "s.yaml:3:33: unknown value h3",
                "one of h1, h2, ws"
            ),
            ("name: a\nsteps:\n  - request: {method: GET}", .missingField, "s.yaml:3:14: missing field url", ""),
            (
                "name: a\nsteps: []", .missingField, "s.yaml:1:1: missing field steps",
                "a scenario without steps proves nothing"
            ),
            ("steps:\n  - request: {url: x}", .missingField, "s.yaml:1:1: missing field name", ""),
            ("name: [a]\nsteps: []", .wrongType, "s.yaml:1:7: expected text, found a list", ""),
            (
                "name: a\nsteps:\n  - request: {url: x}\n    expect: {body: {matches: \"(\"}}", .invalidValue,
                "s.yaml:4:30: not a regular expression: (", ""
            ),
            (
                "name: a\nsteps:\n  - request: {url: x}\n    eventually: soon", .invalidValue,
                "s.yaml:4:17: expected a duration, found soon", "write 100ms, 2s or 1m"
            ),
            ("name: a\nname: b", .duplicateKey, "s.yaml:1:1: duplicate key name", ""),
            ("name: a\nsteps: [", .syntax, "s.yaml:", ""),
            ("", .syntax, "s.yaml:1:1: the scenario is empty", ""),
            (
                "name: a\nsteps:\n  - served: {app: 1}", .danglingReference, "s.yaml:3:5: no backend with the name app",
                ""
            ),
        ])
    func errors(text: String, code: ErrorCode, message: String, hint: String) throws {
        let error = #expect(throws: GatewayError.self) { try ScenarioDecoder.decode(text, file: "s.yaml") }
        #expect(error?.code == code)
        #expect(error?.message.hasPrefix(message) == true, "\(String(describing: error))")
        if !hint.isEmpty { #expect(error?.hint == hint) }
    }

    @Test("an unreadable file is named")
    func unreadable() {
        let error = #expect(throws: GatewayError.self) { try ScenarioDecoder.load("/nowhere/s.yaml") }
        #expect(error?.code == .unreadableFile)
    }
}
