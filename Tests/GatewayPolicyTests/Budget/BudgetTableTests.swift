import GatewayModel
import GatewayPolicy
import Testing

@Suite("A budget table finds every account of a call")
struct BudgetTableTests {
    private static let limits = [BudgetLimit(unit: .tokens, max: 10, window: .day)]

    private func rule(_ name: String, _ scope: BudgetScope, models: [String] = []) -> BudgetRule {
        BudgetRule(name: name, scope: scope, limits: Self.limits, models: models.map { NamePattern($0) })
    }

    private let alice = Principal(
        proof: .apiKey, tenant: "acme", team: "search", user: "alice", agent: "builder", run: "run-1",
        groups: ["engineering"], credentialID: "key-1")

    @Test(arguments: [
        (BudgetScope.key, "", "key-1"), (.user, "acme", "alice"), (.team, "acme", "search"), (.tenant, "", "acme"),
        (.agent, "acme", "builder"), (.run, "acme", "run-1"), (.model, "", "fast"),
        (.everyone, "", "everyone"),
    ])
    func eachScopeHasItsValue(scope: BudgetScope, tenant: String, value: String) {
        let account = rule("p", scope).account(BudgetFacts(principal: alice, model: "fast"))
        #expect(account == BudgetAccountKey(policy: "p", scope: scope, tenant: tenant, value: value))
    }

    @Test func whatIsMadeFromAKeyIsCountedAndChosenAsTheKey() {
        var made = alice
        made.credentialID = "tok-1"
        // Its own word alone makes nobody a key's.
        made.detail = PrincipalDetail(grantID: "key-1")
        var subject = BudgetSubject()
        subject.key = NamePattern("key-1")
        #expect(rule("p", .key).account(BudgetFacts(principal: made, model: "m"))?.value == "tok-1")
        #expect(!subject.matches(made))
        made.detail = PrincipalDetail(grantID: "key-1", parents: ["tok-0", "key-1"])
        #expect(rule("p", .key).account(BudgetFacts(principal: made, model: "m"))?.value == "key-1")
        #expect(subject.matches(made) && subject.matches(alice))
    }

    @Test func twoTenantsUsersOfOneNameShareNothing() {
        var other = alice
        other.tenant = "rival"
        let rule = rule("p", .user)
        #expect(
            rule.account(BudgetFacts(principal: alice, model: "m"))
                != rule.account(BudgetFacts(principal: other, model: "m")))
    }

    @Test(arguments: BudgetScope.allCases.filter { $0 != .model && $0 != .everyone })
    func whoHasNoValueForAScopeIsNotCounted(scope: BudgetScope) {
        #expect(rule("p", scope).account(BudgetFacts(principal: .anonymous, model: "m")) == nil)
    }

    @Test func subjectsAndModelsChoose() {
        var group = BudgetSubject()
        group.group = NamePattern("eng*")
        var both = group
        both.user = NamePattern("bob")
        let facts = BudgetFacts(principal: alice, model: "gpt-5-mini")
        var rule = rule("p", .user, models: ["gpt-5-*"])
        #expect(rule.account(facts) != nil)
        #expect(rule.account(BudgetFacts(principal: alice, model: "claude")) == nil)
        rule.subjects = [both]
        #expect(rule.account(facts) == nil)
        rule.subjects = [both, group]
        #expect(rule.account(facts) != nil)
    }

    @Test func aKeysOwnLimitsComeBesideThePolicies() {
        var principal = alice
        principal.grant = KeyGrant(limits: Self.limits)
        let table = BudgetTable([rule("a", .user), rule("b", .team), rule("c", .model, models: ["other"])])
        let keys = table.accounts(BudgetFacts(principal: principal, model: "m")).map(\.key.policy)
        #expect(keys == ["a", "b", "key"])
    }

    @Test func ofTwoLimitsForOneWindowTheLowerCounts() {
        let rule = BudgetRule(
            name: "p", scope: .user,
            limits: ["9tokens/1d", "5tokens/24h", "7tokens/1d", "1usd/1d"].compactMap { BudgetLimit($0) })
        #expect(rule.limits.map(\.description) == ["5tokens/1d", "1usd/1d"])
    }
}
