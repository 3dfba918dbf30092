import GatewayModel
import GatewayState
import Testing

@Suite("approvals count as often as was said, whatever becomes of the process", .timeLimit(.minutes(1)))
struct ToolBookTests {
    private func approve(_ book: ToolBook, _ scope: ToolApproval.Scope = .once) throws {
        let item = ToolApproval(
            id: "apr_1", owner: "o", caller: "c", run: "r1", server: "s", tool: "t", arguments: "{}", digest: "d",
            rule: "p#rules[0]", createdSeconds: 0, expiresSeconds: 1_000)
        #expect(book.ask(item, nowSeconds: 0) != nil)
        _ = try book.decide("apr_1", isApproved: true, scope: scope, by: "test", nowSeconds: 0)
    }

    private func take(_ book: ToolBook) -> ToolApproval? {
        book.take(owner: "o", run: "r1", digest: "d", rule: "p#rules[0]", nowSeconds: 1)
    }

    private func keep(_ book: ToolBook, _ approval: ToolApproval) async -> Bool {
        await withCheckedContinuation { done in book.keep(use: approval) { done.resume(returning: $0) } }
    }

    @Test func `a use is on the disk before the call goes out, so that a killed process makes it once`() async throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        try approve(store.tools)
        let taken = try #require(take(store.tools))
        // Killed before it is kept, the call has not gone out, and may.
        let early = try fixture.copyAfterCrash()
        #expect(await keep(store.tools, taken))
        // Killed at any time after.
        let late = try fixture.copyAfterCrash()
        let next = try late.open()
        #expect(take(next.tools) == nil)
        #expect(try next.tools.approval("apr_1").state == .used)
        #expect(take(try early.open().tools) != nil)
    }

    @Test func `what did not go out after all may once more`() async throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        try approve(store.tools)
        let taken = try #require(take(store.tools))
        #expect(take(store.tools) == nil)
        #expect(await keep(store.tools, taken))
        store.tools.giveBack(taken)
        #expect(take(store.tools) != nil)
        #expect(take(store.tools) == nil)
    }

    /// Among ten of one second no order of a dictionary hides it.
    @Test func `a no counts, however soon it follows a yes that is used up`() throws {
        let store = try StateFixture().open()
        for number in 0..<10 {
            let item = ToolApproval(
                id: "apr_\(number)", owner: "o", caller: "c", run: "r1", server: "s", tool: "t", arguments: "{}",
                digest: "d", rule: "p#rules[0]", createdSeconds: 0, expiresSeconds: 1_000)
            #expect(store.tools.ask(item, nowSeconds: 0)?.id == item.id)
            _ = try store.tools.decide(item.id, isApproved: number < 9, by: "test", nowSeconds: 0)
            #expect((take(store.tools) != nil) == (number < 9))
        }
        let known = store.tools.decision(owner: "o", digest: "d", rule: "p#rules[0]", nowSeconds: 1)
        #expect(known?.state == .denied)
    }

    @Test(arguments: [ToolApproval.Scope.run, .time])
    func `one that counts for longer is not used up`(_ scope: ToolApproval.Scope) throws {
        let store = try StateFixture().open()
        try approve(store.tools, scope)
        #expect(take(store.tools) != nil)
        #expect(take(store.tools) != nil)
        let other = store.tools.take(owner: "o", run: "r2", digest: "d", rule: "p#rules[0]", nowSeconds: 1)
        #expect((other != nil) == (scope == .time))
    }

    @Test func `a state of an approved call counts once, in the next life too`() async throws {
        let fixture = StateFixture()
        let store = try fixture.open()
        let isKept = await withCheckedContinuation { done in
            let isNew = store.tools.use(state: "abc", untilSeconds: 600, nowSeconds: 0) { done.resume(returning: $0) }
            #expect(isNew)
        }
        #expect(isKept)
        #expect(!store.tools.use(state: "abc", untilSeconds: 600, nowSeconds: 0) { _ in })
        let later = try fixture.copyAfterCrash().open()
        #expect(!later.tools.use(state: "abc", untilSeconds: 600, nowSeconds: 0) { _ in })
        #expect(later.tools.use(state: "other", untilSeconds: 600, nowSeconds: 0) { _ in })
    }

    @Test func `one server that lists ever new names takes no other's place`() throws {
        let store = try StateFixture().open()
        func see(_ server: String, _ tool: String) {
            store.tools.see(
                server: server, tool: tool, digest: "d", definition: "{}", suspicion: nil, pinsFirst: true,
                nowSeconds: 0, limit: 3)
        }
        for number in 0..<5 { see("greedy", "t\(number)") }
        see("modest", "t")
        #expect(store.tools.pins().filter { $0.server == "greedy" }.count == 3)
        #expect(store.tools.pin(server: "modest", tool: "t") != nil)
        // What has no place may not be used either.
        #expect(store.tools.state(server: "greedy", tool: "t4", digest: "d", byPerson: false) == nil)
    }
}
