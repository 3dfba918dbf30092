import GatewayModel
import GatewayState
import Testing

@testable import GatewayControl

@Suite("Budgets are found by the names people know", .timeLimit(.minutes(1)))
struct AdminBudgetTests {
    private static func policy(_ name: String, namespace: String) -> String {
        """
        {"apiVersion": "sluice.dev/v1alpha1", "kind": "BudgetPolicy",
         "metadata": {"name": "\(name)", "namespace": "\(namespace)"},
         "spec": {"scope": "user", "limits": [{"unit": "requests", "max": 5, "window": "1d"}]}}
        """
    }

    @Test("a name without its namespace is enough where it is the only one; one that nobody has is an error")
    func names() async throws {
        let folder = try TemporaryFolder()
        let store = try StateStore(folder: folder.path) { 1_790_000_000_000 }
        defer { store.close() }
        var services = AdminServices()
        services.state = store
        let fixture = try await AdminFixture(services: services)
        for (name, namespace) in [("per-user", "default"), ("twice", "default"), ("twice", "team")] {
            let made = await fixture.ask(
                "PUT", "/v1/budgetpolicies/\(namespace)/\(name)", Self.policy(name, namespace: namespace))
            #expect(made.status == 201, "\(made.text)")
        }
        for name in ["per-user", "default/per-user", "key", "team/twice"] {
            #expect(await fixture.ask("GET", "/v1/budgets?policy=\(name)").status == 200, "\(name)")
        }
        let unknown = await fixture.ask("GET", "/v1/budgets?policy=per-usr")
        #expect(unknown.status == 404 && unknown.text.contains("default/per-user"), "\(unknown.text)")
        #expect(await fixture.ask("POST", "/v1/budgets/reset?policy=per-usr").status == 404)
        let ambiguous = await fixture.ask("GET", "/v1/budgets?policy=twice")
        #expect(ambiguous.status == 400 && ambiguous.text.contains("default/twice, team/twice"), "\(ambiguous.text)")
    }
}
