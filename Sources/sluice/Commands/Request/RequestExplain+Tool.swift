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
        let question = ToolTrial.Question(
            principal: try caller(), server: server, tool: name, arguments: try toolArguments(),
            nowSeconds: Int(Date().timeIntervalSince1970))
        let answer = trial.explain(question)
        output.show(answer) { Self.table(answer) }
        if answer["decision"]?.string != "allowed" { throw ExitStatus.findings.code }
    }

    /// What is no JSON is text.
    private func toolArguments() throws(GatewayError) -> JSONObject {
        var object = JSONObject()
        for text in arguments {
            let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 2, !parts[0].isEmpty else { throw GatewayError(.usage, "not name=value: \(text)") }
            object[parts[0]] = (try? JSONTree.parse(Array(parts[1].utf8))) ?? .text(parts[1])
        }
        return object
    }
}
