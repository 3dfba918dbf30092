import GatewayModel
import Synchronization
import Testing

@testable import GatewayWorkbench

@Suite("The client of tools speaks both eras", .timeLimit(.minutes(1)))
struct ToolClientTests {
    private static func with(
        _ era: ToolClient.Era, answers: [String: JSONDocument] = [:],
        _ mock: MockToolServer.Options = MockToolServer.Options(),
        _ body: (ToolClient, MockToolServer) async throws -> Void
    ) async throws {
        try await ToolBench.with(mock) { bench in
            var options = ToolClient.Options()
            (options.era, options.answers) = (era, answers)
            let client = ToolClient(bench.server.url, options)
            try await client.open()
            try await body(client, bench.server)
            await client.close()
        }
    }

    @Test(arguments: [ToolClient.Era.new, .old], MockToolAnswers.allCases)
    func `it lists pages and calls`(era: ToolClient.Era, answers: MockToolAnswers) async throws {
        var mock = MockToolServer.Options()
        (mock.answers, mock.pageSize) = (answers, 4)
        try await Self.with(era, mock) { client, server in
            let names = try await client.list().compactMap { $0["name"]?.text }
            #expect(names.count > 20)
            #expect(Set(names).count == names.count)
            let sum = try await client.call("add", ["a": 1, "b": 2])
            #expect(sum["structuredContent"]?["sum"]?.integer == 3)
            #expect(server.journal.calls("add").first?.revision == (era == .new ? "2026-07-28" : "2025-11-25"))
        }
    }

    @Test(arguments: [ToolClient.Era.new, .old])
    func `it answers what it is asked, and declines what it cannot`(era: ToolClient.Era) async throws {
        try await Self.with(era, answers: ["name": "Ada", "value": "x"]) { client, _ in
            let said = try await client.call("ask_name", [:])
            #expect(said["content"]?.items.first?["text"] == "hello Ada")
            let twice = try await client.call("ask_twice", [:])
            #expect(twice["content"]?.items.first?["text"] == "x and x")
        }
        try await Self.with(era) { client, _ in
            let said = try await client.call("ask_name", [:])
            #expect(said["content"]?.items.first?["text"] == "the user said decline")
        }
    }

    @Test(arguments: [ToolClient.Era.new, .old])
    func `it tells of progress, and sends arguments in headers`(era: ToolClient.Era) async throws {
        try await Self.with(era) { client, _ in
            let heard = Mutex(0)
            _ = try await client.call("count", ["to": 3]) { note in
                if note["method"] == "notifications/progress" { heard.withLock { $0 += 1 } }
            }
            #expect(heard.withLock { $0 } == 3)
            _ = try await client.list()
            let far = try await client.call("get_region", ["region": " Österreich "])
            #expect(far["content"]?.items.first?["text"] == " Österreich  is far away")
        }
    }

    @Test(arguments: [Set([MCPRevision.july2026]), Set([.november2025, .june2025]), Set([.march2025])])
    func `it finds the era by asking`(revisions: Set<MCPRevision>) async throws {
        var mock = MockToolServer.Options()
        mock.revisions = revisions
        try await Self.with(.auto, mock) { client, _ in
            #expect(client.isNew == revisions.contains(.july2026))
            let said = try await client.call("echo", ["text": "x"])
            #expect(said["content"]?.items.first?["text"] == "x")
        }
    }

    @Test(arguments: [MCPMisbehaviour.wrongID, .noAnswer, .notRPC, .status500, .invalidJSON, .wrongIDType])
    func `what is no answer is none`(how: MCPMisbehaviour) async throws {
        try await Self.with(.new) { client, _ in
            await #expect(throws: (any Error).self) {
                try await client.call("misbehave", ["how": .string(how.rawValue)])
            }
        }
    }

    @Test(arguments: 1...7)
    func `events are the same however they are cut`(size: Int) {
        let text = ": hello\n\nid: 1\ndata: {\"a\":\ndata: 1}\n\nevent: x\r\ndata:2\r\n\r\ndata: 3"
        var (events, found): (ToolEvents, [String]) = (ToolEvents(), [])
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            found += events.add(Array(bytes[start..<min(start + size, bytes.count)]))
                .map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(found == ["{\"a\":\n1}", "2"])
    }

    @Test func `nobody listening is said in words`() async throws {
        let client = ToolClient("http://127.0.0.1:1/mcp")
        let error = await #expect(throws: CallError.self) { try await client.open() }
        #expect("\(try #require(error))".contains("refused"))
        #expect(!"\(try #require(error))".contains("SingleConnectionFailure"))
    }
}
