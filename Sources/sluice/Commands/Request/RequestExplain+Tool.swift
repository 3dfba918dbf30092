import Foundation
import GatewayControl
import GatewayModel
import GatewayRuntime
import GatewayWire

/// `sluice why --tool demo.echo --principal user=alice --arg text=hello`: what policies say of a call, without it.
extension RequestExplain {
    func explainTool(_ tool: String) async throws {
        guard request.isEmpty, model == nil else {
            throw GatewayError(.usage, "a URL or --model beside --tool", hint: "ask about one of them")
        }
        let trial = try ToolTrial(try await objects(offering: .mcpServer))
        let (server, name) = try trial.parts(of: tool)
        let known = try await known(server, name)
        let definition = known?["seenDefinition"]?.string.flatMap { try? JSONTree.parse(Array($0.utf8)) }
        let question = ToolTrial.Question(
            principal: try caller(), server: server, tool: name, arguments: try toolArguments(definition),
            nowSeconds: Int(Date().timeIntervalSince1970), known: known)
        let answer = trial.explain(question)
        output.show(answer) { Self.toolTable(answer) }
        if answer["decision"]?.string != "allowed" { throw ExitStatus.findings.code }
    }

    /// What the state knows of the tool; nil where files are asked, and of a tool that nobody has listed.
    private func known(_ server: String, _ tool: String) async throws -> ConfigNode? {
        guard files.isEmpty else { return nil }
        let place = server.replacing("/", with: ".")
        let path = "/v1/tools/\(PercentText.encoded(place))/\(PercentText.encoded(tool))"
        do { return try await state.stateClient.get(path) } catch let refusal as Refusal {
            guard refusal.error.code == .notFound else { throw refusal }
            return nil
        }
    }

    /// As the tool's schema has it, where that is known: text where it wants text. What is no JSON is text.
    private func toolArguments(_ definition: JSONTree?) throws(GatewayError) -> JSONObject {
        var object = JSONObject()
        for text in arguments {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else { throw GatewayError(.usage, "not name=value: \(text)") }
            let type = definition?["inputSchema"]?["properties"]?[parts[0]]?["type"]?.string?.value
            let value = type == "string" ? nil : try? JSONTree.parse(Array(parts[1].utf8))
            object[parts[0]] = value ?? .text(parts[1])
        }
        return object
    }

    private static func toolTable(_ answer: ConfigNode) -> String {
        var facts = answer
        facts["conditions"] = nil
        var text = table(facts)
        if let rows = answer["conditions"]?.elements, !rows.isEmpty { text += "\n" + NodeTable.rows(rows) }
        return text
    }
}
