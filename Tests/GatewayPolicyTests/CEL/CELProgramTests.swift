import GatewayPolicy
import Testing

/// The variables a policy has, in small.
struct PolicyVariables {
    var environment = CELEnvironment()
    let user, groups, tenant, model, headers, tokens, now: CELSlot

    init() {
        user = environment.declare("principal.user", .string)
        groups = environment.declare("principal.groups", .list(.string))
        tenant = environment.declare("principal.tenant", .string)
        model = environment.declare("request.model", .string)
        headers = environment.declare("request.headers", .map(.string, .string))
        tokens = environment.declare("request.inputTokens", .int)
        now = environment.declare("now", .timestamp)
    }

    func activation() -> CELActivation {
        var activation = environment.activation()
        activation[user] = .string("ana")
        activation[groups] = .strings(["dev", "x"])
        activation[model] = .string("gpt-5")
        activation[headers] = .map(CELMap([(key: "x-team", value: "blue")]))
        activation[tokens] = .int(1200)
        activation[now] = .timestamp(CELTimestamp(seconds: 1_234_567_890))
        return activation
    }

    func evaluate(_ source: String) throws(CELError) -> CELValue {
        var activation = activation()
        return try CELProgram(source, in: environment).evaluate(&activation)
    }

    func isTrue(_ source: String) throws(CELError) -> Bool {
        var activation = activation()
        return try CELProgram(source, in: environment, giving: .bool).evaluateBool(&activation)
    }

    /// What refuses it or fails.
    func error(_ source: String) -> CELError? {
        do throws(CELError) {
            _ = try evaluate(source)
            return nil
        } catch {
            return error
        }
    }
}

@Suite("An expression is checked against its variables and evaluated over them")
struct CELProgramTests {
    private let variables = PolicyVariables()

    @Test(arguments: [
        "principal.groups.exists(g, g == 'x') && request.model.startsWith('gpt-')",
        "'x' in principal.groups && !('admin' in principal.groups)",
        "request.headers['x-team'] == 'blue' && has(request.headers.`x-team`) && !('x-none' in request.headers)",
        "request.headers[?'x-none'].orValue('red') == 'red'",
        "request.model in ['a', 'b', 'c', 'd', 'e', 'gpt-5']",
        "!(request.inputTokens in [1, 2, 3, 4, 5, 6]) && dyn(1200.0) in [request.inputTokens]",
        "1200.0 in [1, 2, 3, 4, 1200] && 1200u in [1, 2, 3, 4, 1200]",
        "request.inputTokens > 1000 ? request.model != 'gpt-4' : false",
        "now.getFullYear('Europe/Berlin') == 2009 && now - duration('24h') < now",
        "request.model.matches('^gpt-[0-9]+$') && !request.model.matches('^gpt$')",
        "principal.groups.filter(g, g.size() > 1).map(g, g.upperAscii()) == ['DEV']",
        "cel.bind(team, request.headers['x-team'], team == 'blue' && team.endsWith('ue'))",
    ])
    func policies(_ source: String) throws { #expect(try variables.isTrue(source)) }

    @Test("a field without a value reads as nothing, and has() tells")
    func unset() throws {
        #expect(try variables.isTrue("principal.tenant == '' && !has(principal.tenant) && has(principal.user)"))
        var environment = CELEnvironment()
        environment.declare("now", .timestamp)
        var activation = environment.activation()
        let program = try CELProgram("now < now", in: environment)
        #expect(throws: CELError.self) { try program.evaluateBool(&activation) }
    }

    @Test("a program says which variables it reads")
    func reads() throws {
        let program = try CELProgram("has(principal.user) && request.model == 'x'", in: variables.environment)
        #expect(program.slots == [variables.user, variables.model])
        #expect(program.reads(variables.model) && !program.reads(variables.headers))
    }

    @Test("one activation serves many programs, and keeps nothing of one for the next")
    func reuse() throws {
        var activation = variables.activation()
        let nested = "[1, 2].all(a, [3, 4].exists(b, b == a + 2)) && principal.groups.exists(g, g == 'dev')"
        let programs = try [nested, "[7].exists(z, z == 7)", "true"].map {
            try CELProgram($0, in: variables.environment)
        }
        for _ in 0..<3 { for program in programs { #expect(try program.evaluateBool(&activation)) } }
    }

    @Test("what is always the same is computed once")
    func folding() throws {
        let limits = CELLimits()
        var environment = variables.environment
        environment.limits.costMax = 3
        var activation = environment.activation()
        let sum = (1...20).map(String.init).joined(separator: " + ")
        let program = try CELProgram("\(sum) == 210", in: environment)
        #expect(try program.evaluateBool(&activation))
        #expect(limits.costMax > 3)
    }

    @Test(
        "an error says where, what was found and what would fit",
        arguments: [
            ("request.modle == 'x'", "1:9: request has no field modle (did you mean \"model\"?)"),
            ("prinzipal.user", "1:1: unknown variable prinzipal (did you mean \"principal\"?)"),
            ("principal", "1:1: principal is a record (name one of its fields: user, groups, tenant)"),
            ("true &&\n  request.model", "2:11: && takes bool, found string"),
            ("request.model = 'x'", "1:15: unexpected character = (equality is written ==)"),
            ("request.model == 5", "1:15: string is never equal to int"),
            ("5 in principal.groups", "1:3: list(string) never holds int"),
            (
                "request.inputTokens + 1.5",
                "1:21: no matching overload for + applied to (int, double) (convert one of them, as in int(…))"
            ),
            (
                "request.model.startWith('x')",
                "1:15: unknown function startWith (did you mean \"startsWith\"?)"
            ),
            (
                "request.model.startsWith(5)",
                "1:15: no matching overload for startsWith applied to (string, int) "
                    + "(string.startsWith(string) gives bool)"
            ),
            ("(1 + 2", "1:7: found the end of the expression, expected \")\" to close the parenthesis"),
            ("1 2", "1:3: found a number, expected an operator such as && or the end of the expression"),
            ("'abc", "1:1: the string has no closing quote"),
            ("for == 1", "1:1: for is a reserved word (it may only be a field's name)"),
            ("has(principal)", "1:5: has() asks for a field (has(x.name))"),
            ("request.headers['none']", "1:16: no such key: 'none'"),
            ("'é' + string(1 / (request.inputTokens - 1200))", "1:16: division by zero"),
            (
                "request.model.matches('(')",
                "1:23: the regular expression has an unclosed (: ( (the syntax is RE2 "
                    + "without \\b, \\p and multi-line mode)"
            ),
            ("request.inputTokens ? 1 : 2", "1:9: the condition of ? takes bool, found int"),
            ("99999999999999999999", "1:1: the number is out of range: 99999999999999999999"),
        ])
    func errors(_ source: String, _ message: String) {
        #expect(variables.error(source)?.description == message)
    }

    @Test("an expression must give what is asked of it")
    func result() {
        #expect(throws: CELError.self) {
            try CELProgram("request.model", in: variables.environment, giving: .bool)
        }
    }

    @Test(
        "summer time begins and ends where the zone's rule says",
        arguments: [
            ("2024-03-31T00:59:59Z", "Europe/Berlin", 1), ("2024-03-31T01:00:00Z", "Europe/Berlin", 3),
            ("2024-10-27T00:59:59Z", "Europe/Berlin", 2), ("2024-10-27T01:00:00Z", "Europe/Berlin", 2),
            ("2024-03-10T06:59:59Z", "America/New_York", 1), ("2024-03-10T07:00:00Z", "America/New_York", 3),
            ("2024-11-03T05:59:59Z", "America/New_York", 1), ("2024-11-03T06:00:00Z", "America/New_York", 1),
            ("2024-04-06T15:59:59Z", "Australia/Sydney", 2), ("2024-04-06T16:00:00Z", "Australia/Sydney", 2),
            ("2024-10-05T16:00:00Z", "Australia/Sydney", 3), ("2024-09-28T14:00:00Z", "Pacific/Auckland", 3),
        ])
    func zones(_ moment: String, _ zone: String, _ hour: Int) throws {
        #expect(try variables.isTrue("timestamp('\(moment)').getHours('\(zone)') == \(hour)"))
    }
}
