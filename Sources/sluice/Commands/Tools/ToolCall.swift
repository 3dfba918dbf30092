import ArgumentParser
import GatewayControl
import GatewayModel
import GatewayWorkbench

/// `sluice tool call`.
struct ToolCall: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call", abstract: "Call a tool over MCP, and show its result.",
        discussion: """
            sluice tool call demo.echo --arg text=hello. A value is read as the tool's schema has it: text where it \
            wants text, otherwise JSON. What the tool, or the gateway, asks of its user is answered from --answer \
            (--answer approve=true allows a call that has to be approved); without any, nobody can be asked. Exit \
            status 1 when the tool failed, 3 when nothing answered, 4 when the call was not allowed.
            """)

    @Argument(help: "SERVER.TOOL, or the name under which /mcp has it.")
    var tool: String

    @Option(name: [.customShort("a"), .customLong("arg")], help: "An argument, name=value; may be repeated.")
    var arguments: [String] = []

    @Option(help: "All arguments as one JSON object; - reads standard input.")
    var json: String?

    @Option(help: "What a form is answered with, field=value; may be repeated.")
    var answer: [String] = []

    @OptionGroup var endpoint: ToolsEndpoint

    @OptionGroup var output: OutputOptions

    func run() async throws {
        var answers: [String: JSONDocument] = [:]
        for text in answer {
            let (name, value) = try Self.pair(text)
            answers[name] = .string(value)
        }
        let (name, client) = try endpoint.client(tool, answers: answers)
        do {
            try await client.open()
            _ = try await client.list()
            let result = try await client.call(name, try argumentsDocument(client.tool(name))) { note in
                Self.tell(note)
            }
            await client.close()
            show(result)
            if result["isError"] == true { throw ExitStatus.findings.code }
        } catch let failure as ToolClient.Failure {
            await client.close()
            if failure.status == 401 || failure.status == 403 {
                throw GatewayError(
                    .denied, "the call was refused: \(failure)", hint: failure.hint ?? "give --key or SLUICE_KEY")
            }
            let code = failure.ownCode.flatMap(ErrorCode.init(rawValue:)) ?? .upstreamProtocolError
            let isDenied = failure.ownCode?.hasPrefix("SL-3") ?? false
            throw GatewayError(isDenied ? .denied : code, "the call was refused: \(failure)", hint: failure.hint)
        } catch let error as CallError {
            throw GatewayError(.unreachable, "no whole answer: \(error)", hint: "is \(client.url) right?")
        }
    }

    // MARK: arguments

    private func argumentsDocument(_ tool: JSONDocument?) throws -> JSONDocument {
        var all: JSONDocument = [:]
        if let json {
            let bytes = json == "-" ? Terminal.input(bytesMax: 16 << 20) : Array(json.utf8)
            guard let document = JSONDocument(json: bytes), case .object = document else {
                throw GatewayError(.usage, "--json is no JSON object")
            }
            all = document
        }
        for text in arguments {
            let (name, value) = try Self.pair(text)
            all = all.setting(name, Self.value(value, tool?["inputSchema"]?["properties"]?[name]?["type"]?.text))
        }
        return all
    }

    private static func pair(_ text: String) throws -> (String, String) {
        guard let equals = text.firstIndex(of: "="), equals != text.startIndex else {
            throw GatewayError(.usage, "not name=value: \(text)")
        }
        return (String(text[..<equals]), String(text[text.index(after: equals)...]))
    }

    private static func value(_ text: String, _ type: String?) -> JSONDocument {
        type == "string" ? .string(text) : JSONDocument(json: text) ?? .string(text)
    }

    // MARK: what comes

    private static func tell(_ note: JSONDocument) {
        let params = note["params"] ?? [:]
        switch note["method"]?.text {
        case "notifications/progress":
            let total = params["total"].map { " of \($0.json)" } ?? ""
            Terminal.error("progress \(params["progress"]?.json ?? "")\(total) \(params["message"]?.text ?? "")")
        case "notifications/message":
            let data = params["data"] ?? nil
            Terminal.error("log \(params["level"]?.text ?? "") \(data.text ?? data.json)")
        default: break
        }
    }

    private func show(_ result: JSONDocument) {
        guard output.output == .table else {
            guard let node = try? AdminClient.node(result.bytes) else { return Terminal.out(result.json) }
            return output.show(node)
        }
        for part in result["content"]?.items ?? [] {
            switch part["type"]?.text {
            case "text"?: Terminal.out(part["text"]?.text ?? "")
            case "resource_link"?: Terminal.out("link \(part["uri"]?.text ?? "") \(part["name"]?.text ?? "")")
            case "resource"?:
                let uri = part["resource"]?["uri"]?.text ?? ""
                Terminal.out("resource \(uri)\n\(part["resource"]?["text"]?.text ?? "[bytes]")")
            case let type?:
                let bytes = (part["data"]?.text?.utf8.count ?? 0) * 3 / 4
                Terminal.out("\(type) \(part["mimeType"]?.text ?? "") of about \(bytes) bytes")
            case nil: break
            }
        }
    }
}
