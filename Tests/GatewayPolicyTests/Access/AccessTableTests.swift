import GatewayModel
import Testing

@testable import GatewayPolicy

@Suite("Access to models is denied unless a policy allows it, and deny wins")
struct AccessTableTests {
    private let alice = Principal(
        proof: .apiKey, tenant: "acme", team: "core", user: "alice", agent: "coder", run: "r1",
        groups: ["engineering", "staff"], credentialID: "k1")

    private func rule(_ name: String, _ change: (inout ModelAccessPolicySpec) -> Void) -> AccessRule {
        var spec = ModelAccessPolicySpec.placeholder
        spec.effect = .allow
        spec.subjects = [subject { $0.any = true }]
        spec.models = ["*"]
        spec.operations = nil
        spec.when = nil
        spec.limits = nil
        change(&spec)
        return AccessRule(name: name, spec)
    }

    private func subject(_ change: (inout ModelSubject) -> Void) -> ModelSubject {
        var subject = ModelSubject.placeholder
        subject.any = false
        (subject.group, subject.user, subject.team, subject.agent) = (nil, nil, nil, nil)
        (subject.tenant, subject.key) = (nil, nil)
        change(&subject)
        return subject
    }

    private func request(
        _ name: String, alias: String? = nil, _ operation: ModelOperation = .chat, input: Int? = nil,
        output: Int? = nil, body: Int = 0
    ) -> AccessTable.Request {
        AccessTable.Request(
            name: Array((alias ?? name).utf8), catalogName: Array(name.utf8), operation: operation, bodyBytes: body,
            inputTokens: input, outputTokens: output)
    }

    private func isAllowed(_ table: AccessTable, _ who: Principal, _ request: AccessTable.Request) -> Bool {
        table.decide(who, request).verdict.isAllowed
    }

    @Test func withoutAPolicyNothingIsAllowed() {
        let decision = AccessTable.empty.decide(alice, request("fast"))
        #expect(!decision.verdict.isAllowed)
        #expect(decision.verdict.code == .modelNotAllowed)
        #expect(decision.verdict.reason == "no policy lets you use the model: fast")
    }

    @Test func whoProvedNothingIsNobody() {
        let table = AccessTable([rule("all") { _ in }])
        #expect(isAllowed(table, alice, request("fast")))
        #expect(!isAllowed(table, .anonymous, request("fast")))
    }

    @Test func theRuleThatDecidesIsNamed() {
        let table = AccessTable([
            rule("default/all") { _ in },
            rule("default/no-o3") {
                $0.effect = .deny
                $0.models = ["o3*"]
            },
        ])
        #expect(table.decide(alice, request("fast")).verdict.rule == "default/all")
        let denied = table.decide(alice, request("o3-pro")).verdict
        #expect(denied.rule == "default/no-o3")
        #expect(!denied.isAllowed)
    }

    @Test func everythingOfASubjectMustHold() {
        let both = subject {
            $0.group = "engineering"
            $0.tenant = "acme"
        }
        let table = AccessTable([rule("r") { $0.subjects = [both] }])
        #expect(isAllowed(table, alice, request("fast")))
        var other = alice
        other.tenant = "evil"
        #expect(!isAllowed(table, other, request("fast")))
        other.tenant = nil
        #expect(!isAllowed(table, other, request("fast")))
    }

    @Test func eachKindOfSubjectIsCompared() {
        let fits: [(inout ModelSubject) -> Void] = [
            { $0.group = "staff" }, { $0.user = "alice" }, { $0.team = "core" }, { $0.agent = "cod*" },
            { $0.tenant = "acme" }, { $0.key = "k1" },
        ]
        let misses: [(inout ModelSubject) -> Void] = [
            { $0.group = "staf" }, { $0.user = "bob" }, { $0.team = "c" }, { $0.agent = "x*" }, { $0.tenant = "ACME" },
            { $0.key = "k" },
        ]
        for change in fits {
            #expect(isAllowed(AccessTable([rule("r") { $0.subjects = [subject(change)] }]), alice, request("m")))
        }
        for change in misses {
            #expect(!isAllowed(AccessTable([rule("r") { $0.subjects = [subject(change)] }]), alice, request("m")))
        }
    }

    @Test func anAliasIsItsModel() {
        let allow = AccessTable([rule("r") { $0.models = ["fast"] }])
        #expect(isAllowed(allow, alice, request("fast", alias: "quick")))
        let deny = AccessTable([
            rule("all") { _ in },
            rule("d") {
                $0.effect = .deny
                $0.models = ["fast"]
            },
        ])
        #expect(!isAllowed(deny, alice, request("fast", alias: "quick")))
    }

    @Test func limitsChooseAmongPoliciesThatAllow() throws {
        let limits: (Int?, Int?) -> ModelAccessLimits = { input, output in
            var limits = ModelAccessLimits.placeholder
            (limits.inputTokensMax, limits.outputTokensMax, limits.bodyBytesMax) = (input, output, nil)
            return limits
        }
        let table = AccessTable([
            rule("small") { $0.limits = limits(100, 50) }, rule("large") { $0.limits = limits(1_000, nil) },
        ])
        let small = table.decide(alice, request("m", input: 10))
        #expect(small.verdict.rule == "small")
        #expect(small.outputTokensMax == 50)
        let large = table.decide(alice, request("m", input: 500, output: 60))
        #expect(large.verdict.rule == "large")
        #expect(large.outputTokensMax == nil)
        let refused = table.decide(alice, request("m", input: 5_000))
        #expect(refused.verdict.code == .modelLimitExceeded)
        #expect(refused.verdict.rule == "small")
    }

    @Test func operationsAreAList() {
        let table = AccessTable([rule("r") { $0.operations = [.embeddings] }])
        #expect(!isAllowed(table, alice, request("m")))
        #expect(isAllowed(table, alice, request("m", .embeddings)))
        #expect(table.lists(alice, name: Array("m".utf8)))
    }

    @Test func aConditionThatCannotBeToldNeverHelps() {
        let failing = "request.inputTokens / 0 > 1"
        let allow = AccessTable([rule("r") { $0.when = failing }])
        #expect(!isAllowed(allow, alice, request("m", input: 1)))
        let deny = AccessTable([
            rule("all") { _ in },
            rule("d") {
                $0.effect = .deny
                $0.when = failing
            },
        ])
        #expect(!isAllowed(deny, alice, request("m", input: 1)))
        let broken = AccessTable([rule("r") { $0.when = "no such" }])
        #expect(!isAllowed(broken, alice, request("m")))
    }

    @Test(arguments: [
        ("principal.user == 'alice'", true), ("'staff' in principal.groups", true),
        ("principal.team.startsWith('co') && request.model == 'fast'", true), ("request.stream", false),
        ("request.operation == 'chat' && request.inputTokens < 10", true), ("has(principal.tenant)", true),
        ("request.inputTokens > 100", false),
    ])
    func conditionsSeeCallerAndRequest(_ text: String, _ expected: Bool) {
        let table = AccessTable([rule("r") { $0.when = text }])
        #expect(isAllowed(table, alice, request("fast", alias: "quick", input: 5, body: 3)) == expected)
    }

    @Test func aKeysOwnModelsNarrowWhatPoliciesAllow() {
        let table = AccessTable([rule("r") { $0.models = ["fast", "slow"] }])
        var caller = alice
        caller.grant = KeyGrant(models: [NamePattern("fast"), NamePattern("other")])
        #expect(isAllowed(table, caller, request("fast")))
        #expect(!isAllowed(table, caller, request("slow")))
        #expect(!isAllowed(table, caller, request("other")))
    }

    @Test(arguments: [
        ("gpt-5-*", "gpt-5-mini", true), ("gpt-5-*", "gpt-5-", true), ("gpt-5-*", "gpt-5", false), ("*", "", true),
        ("*-latest", "claude-latest", true), ("a*b*c", "aXbYc", true), ("a*b*c", "ac", false), ("aa*aa", "aaa", false),
        ("Fast", "fast", false),
    ])
    func patternsFitBytesAndTextsAlike(_ pattern: String, _ name: String, _ expected: Bool) {
        #expect(NamePattern(pattern).matches(name) == expected)
        #expect(NamePattern(pattern).matches(Array(name.utf8).span) == expected)
    }
}
