import ArgumentParser
import GatewayControl
import GatewayModel
import GatewayRuntime
import GatewayWorkbench

/// `sluice explain`.
struct RequestExplain: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "explain", abstract: "Say which rule a request would get, and why not the others.",
        discussion: """
            Asks the running gateway, or files alone with -f: then nothing has to run. Exit status 1 when no rule \
            takes the request. With --model it says instead whether a caller may use a model, which policies were \
            asked, and which budgets would count the call; with --tool whether the caller may call a tool with those \
            arguments, or a person is asked, what each rule said, and what else the call has to meet: the tools and \
            scopes of its credential (--principal tool=, scope=), and, without -f, the pin and the schema of the tool \
            as its server listed it last. Exit status 1 when it is not allowed.
            """,
        aliases: ["why"])

    @Argument(help: "[METHOD] URL, such as GET http://shop.example/cart?x=1.")
    var request: [String] = []

    @Option(help: "A model, to ask about a call of it.")
    var model: String?

    @Option(help: "A tool, SERVER.TOOL, to ask about a call of it.")
    var tool: String?

    @Option(
        name: [.customShort("a"), .customLong("arg")],
        help: """
            An argument of the tool, name=value; may be repeated. Text where the tool's schema is known and wants \
            text, otherwise JSON: id=123 is a number, id='"123"' a text.
            """)
    var arguments: [String] = []

    @Option(
        help: ArgumentHelp(
            """
            Who calls it, such as user=alice or group=dev, and with what: scope=NAME, tool=PATTERN of a run's token; \
            may be repeated.
            """, valueName: "FIELD=VALUE"))
    var principal: [String] = []

    @Option(help: "What is wanted of the model.")
    var operation = "chat"

    @Option(name: [.customShort("H"), .customLong("header")], help: "A header, 'name: value'; may be repeated.")
    var headers: [String] = []

    @Option(help: "The client's address.")
    var source: String?

    @Option(
        name: [.customShort("f"), .customLong("file")],
        help: """
            Ask these files or folders instead of a running gateway; may be repeated. With --model, files without a \
            ModelCatalog are laid over what the gateway serves.
            """, completion: .file())
    var files: [String] = []

    @OptionGroup var state: StateOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        if let tool { return try await explainTool(tool) }
        if !arguments.isEmpty { throw GatewayError(.usage, "--arg without --tool", hint: "say which tool") }
        if let model { return try await explainModel(model) }
        let question = try question()
        let answer: ConfigNode
        if files.isEmpty {
            answer = try await state.client.post("/v1/explain", json: Self.node(question)).node
        } else {
            let load = FileSource(paths: files).load()
            guard load.isUsable else {
                throw Refusal(
                    error: GatewayError(.invalidValue, "the files have errors"),
                    diagnostics: load.diagnostics.map(\.node))
            }
            answer = try Explanation.answer(question, objects: load.set)
        }
        output.show(answer) { Self.table(answer) }
        if answer["route"] == nil { throw ExitStatus.findings.code }
    }

    private func question() throws -> AdminServices.Question {
        guard let url = request.last, request.count <= 2 else {
            throw GatewayError(.usage, "expected [METHOD] URL, --model or --tool", hint: "see 'sluice explain --help'")
        }
        return AdminServices.Question(
            method: request.count == 2 ? request[0].uppercased() : "GET", url: url,
            fields: try headers.map { text throws(GatewayError) in
                let header = try HeaderText.parse(text)
                return AdminServices.Question.Field(name: header.name, value: header.value)
            }, source: source)
    }

    private static func node(_ question: AdminServices.Question) -> ConfigNode {
        var node = ConfigNode.object([("method", .text(question.method)), ("url", .text(question.url))])
        if let source = question.source { node["source"] = .text(source) }
        var names: [String] = []
        for field in question.fields where !names.contains(field.name) { names.append(field.name) }
        node["headers"] = .object(
            names.map { name in
                (name, .list(question.fields.filter { $0.name == name }.map { .text($0.value) }))
            })
        return node
    }

    /// The decision first, then what was tried.
    static func table(_ answer: ConfigNode) -> String {
        var facts = answer
        facts["tried"] = nil
        var text = NodeTable.text(facts)
        if let tried = answer["tried"]?.elements, !tried.isEmpty { text += "\n" + NodeTable.rows(tried) }
        return text
    }
}
