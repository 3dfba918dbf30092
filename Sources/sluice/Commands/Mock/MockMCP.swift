import ArgumentParser
import GatewayModel
import GatewayWorkbench

/// `sluice mock mcp`.
struct MockMCP: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mcp", abstract: "Serve tools, resources and prompts over MCP, in every revision of it.",
        discussion: """
            /mcp speaks 2026-07-28 and the revisions with sessions, /sse and /messages the pair of endpoints of \
            2024-11-05. GET /mock/journal says what arrived; POST /mock/rug?field=input changes a definition. All \
            tools, personalities and ways to misbehave: Documentation/MockTools.md.
            """)

    @Option(help: "Where to listen.")
    var host = "127.0.0.1"

    @Option(help: "0: the kernel chooses.")
    var port = 9_201

    @Option(help: "What it calls itself.")
    var name = "demo"

    @Option(help: "Same seed, same sessions and states.")
    var seed: UInt64 = 0

    @Option(help: "A revision to speak, again for more, or 'new' or 'old'; all without it.")
    var revision: [String] = []

    @Option(
        help: "Which tools there are, again for more: demo, surface, hostile, conformance; all but the last without it."
    )
    var set: [MockToolSet] = []

    @Option(
        help: "How its lists mean harm, again for more: poisoned, duplicates, lookalikes, headers, crowded and so on.")
    var personality: [MockToolPersonality] = []

    @Option(help: "After so many lists of tools a definition changes.")
    var rugPullAfter: Int?

    @Option(help: "What changes then: description, title, annotations, input, output, meta or icons.")
    var rug = MCPRug.description

    @Option(help: "How every call of a tool is answered instead, such as wrong-id, endless or huge.")
    var always: MCPMisbehaviour?

    @Option(help: "Every call of a tool waits so long.")
    var delayMs = 0

    @Option(help: "How many a page of a list has; 0: all of them.")
    var pageSize = 0

    @Option(help: "In which form it answers: automatic, events or json.")
    var answers = MockToolAnswers.automatic

    @Flag(help: "Give old revisions no session.")
    var noSessions = false

    @Option(help: "A token to take, again for more; any without it.")
    var bearer: [String] = []

    @Flag(help: "Speak over standard input and output instead.")
    var stdio = false

    func validate() throws {
        if !(0...65_535).contains(port) { throw ValidationError("--port is not between 0 and 65535") }
        if delayMs < 0 { throw ValidationError("--delay-ms is less than 0") }
        if pageSize < 0 { throw ValidationError("--page-size is less than 0") }
        _ = try revisions()
    }

    private func revisions() throws -> Set<MCPRevision> {
        if revision.isEmpty { return Set(MCPRevision.allCases) }
        var all: Set<MCPRevision> = []
        for text in revision {
            switch text {
            case "new": all.insert(.july2026)
            case "old": all.formUnion(MCPRevision.allCases.filter { !$0.isStateless })
            default:
                guard let known = MCPRevision(rawValue: text) else {
                    let names = MCPRevision.allCases.map(\.rawValue).joined(separator: ", ")
                    throw ValidationError("--revision \(text) is none of new, old, \(names)")
                }
                all.insert(known)
            }
        }
        return all
    }

    private func options() throws -> MockToolServer.Options {
        var options = MockToolServer.Options()
        (options.host, options.port, options.name, options.seed) = (host, port, name, seed)
        options.revisions = try revisions()
        if !set.isEmpty { options.sets = Set(set) }
        options.personalities = Set(personality)
        (options.rugPullAfter, options.rug, options.always) = (rugPullAfter, rug, always)
        (options.delayMilliseconds, options.pageSize, options.answers) = (delayMs, pageSize, answers)
        options.hasSessions = !noSessions
        options.bearers = Set(bearer)
        return options
    }

    func run() async throws {
        let options = try options()
        if stdio { return try await MockToolProcess.run(options) }
        let server: MockToolServer
        do {
            server = try await MockToolServer.start(options)
        } catch {
            throw GatewayError(.unreachable, "cannot listen on \(host):\(port): \(error)", hint: "is it in use?")
        }
        Terminal.out("mock tools listen on \(server.url)")
        await server.wait()
    }
}

extension MockToolSet: ExpressibleByArgument {}
extension MockToolPersonality: ExpressibleByArgument {}
extension MCPRug: ExpressibleByArgument {}
extension MCPMisbehaviour: ExpressibleByArgument {}
extension MockToolAnswers: ExpressibleByArgument {}
