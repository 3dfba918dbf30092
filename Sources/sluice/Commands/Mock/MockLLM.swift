import ArgumentParser
import GatewayModel
import GatewayWorkbench

/// `sluice mock llm`.
struct MockLLM: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "llm", abstract: "Serve a provider of models that speaks OpenAI's and Anthropic's APIs.",
        discussion: """
            Any key is taken unless --key says which. A call chooses how it is answered by words in its last user \
            message, [[mock: delay=50ms chunk=7]], behind its model, gpt-5-mini;status=429, or in headers, \
            x-mock-fault: reset. GET /mock/ledger says what was billed, GET /mock/journal what arrived. All words and \
            faults: Documentation/MockModels.md.
            """)

    @Option(help: "Where to listen.")
    var host = "127.0.0.1"

    @Option(help: "0: the kernel chooses.")
    var port = 9_100

    @Option(help: "Same seed, same answers and same faults.")
    var seed: UInt64 = 0

    @Option(help: "A key to take, again for more; any without it.")
    var key: [String] = []

    @Option(help: "A model to list, again for more.")
    var model: [String] = []

    @Option(help: "Words that hold for every call, such as 'delay=20ms tokens=50'.")
    var always = ""

    @Option(help: "How many of a hundred calls fail.")
    var faultPercent = 0

    @Option(help: "In which ways they fail, by comma: statuses and names, such as 429,500,reset,slow,no-usage.")
    var faults = "429,500,reset,malformed,no-usage"

    func validate() throws {
        if !(0...65_535).contains(port) { throw ValidationError("--port is not between 0 and 65535") }
        if !(0...100).contains(faultPercent) { throw ValidationError("--fault-percent is not between 0 and 100") }
        if let word = MockModelDirective(words: always).values.keys.sorted().first(where: {
            !MockModelDirective.words.contains($0)
        }) {
            throw ValidationError("--always has an unknown word: \(word)")
        }
        _ = try plan()
    }

    private func plan() throws -> MockModelFaultPlan {
        var plan = MockModelFaultPlan()
        (plan.percent, plan.seed) = (faultPercent, seed)
        plan.faults = try faults.split(separator: ",").map { name in
            guard let fault = MockModelFault(name) else {
                throw ValidationError("--faults has an unknown fault: \(name)")
            }
            return fault
        }
        return plan
    }

    func run() async throws {
        var options = MockModelServer.Options()
        (options.host, options.port, options.seed) = (host, port, seed)
        options.keys = Set(key)
        if !model.isEmpty { options.models = model }
        options.standing = MockModelDirective(words: always)
        options.faults = try plan()
        let server: MockModelServer
        do {
            server = try await MockModelServer.start(options)
        } catch {
            throw GatewayError(.unreachable, "cannot listen on \(host):\(port): \(error)", hint: "is it in use?")
        }
        Terminal.out("mock models listen on http://\(server.authority)/v1")
        await server.wait()
    }
}
