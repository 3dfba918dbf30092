import FoundationEssentials
package import GatewayModel
import Yams

/// Reads scenario files: unknown fields, wrong types and missing fields are errors with their place.
package enum ScenarioDecoder {
    package static let fileBytesMax = 4 << 20
    private static let repeatsMax = 1_000_000

    package static func load(_ path: String) throws(GatewayError) -> Scenario {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw GatewayError(.unreadableFile, "cannot read scenario \(path)")
        }
        guard data.count <= fileBytesMax else {
            throw GatewayError(.tooLarge, "scenario larger than \(fileBytesMax) bytes: \(path)")
        }
        return try decode(String(decoding: data, as: UTF8.self), file: path)
    }

    package static func decode(_ text: String, file: String) throws(GatewayError) -> Scenario {
        let node: Node?
        do {
            node = try compose(yaml: text)
        } catch let error as YamlError {
            throw syntaxError(error, file)
        } catch {
            throw GatewayError(.syntax, "\(file): not YAML: \(error)")
        }
        guard let node else { throw GatewayError(.syntax, "\(file):1:1: the scenario is empty") }
        return try scenario(ScenarioNode(node: node, file: file))
    }

    private static func syntaxError(_ error: YamlError, _ file: String) -> GatewayError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return GatewayError(.syntax, "\(file):\(mark.line):\(mark.column): \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let names = duplicates.map { "\($0)" }.sorted().joined(separator: ", ")
            return GatewayError(
                .duplicateKey, "\(file):\(context.mark.line):\(context.mark.column): duplicate key \(names)")
        default: return GatewayError(.syntax, "\(file): not YAML: \(error)")
        }
    }

    private static func scenario(_ root: ScenarioNode) throws(GatewayError) -> Scenario {
        var scenario = Scenario(name: "", file: root.file, variables: [:], serve: [], steps: [])
        for (key, value) in try root.members(["name", "variables", "serve", "steps"]) {
            switch key {
            case "name": scenario.name = try value.string()
            case "variables":
                for (name, text) in try value.members() { scenario.variables[name] = try text.string() }
            case "serve": for item in try value.items() { scenario.serve.append(try backend(item)) }
            default: for item in try value.items() { scenario.steps.append(try step(item)) }
            }
        }
        guard !scenario.name.isEmpty else { throw root.error(.missingField, "missing field name") }
        guard !scenario.steps.isEmpty else {
            throw root.error(.missingField, "missing field steps", hint: "a scenario without steps proves nothing")
        }
        let names = scenario.serve.map(\.name)
        for (index, name) in names.enumerated() where names[..<index].contains(name) {
            throw root.error(.duplicateKey, "two backends with the name \(name)")
        }
        for step in scenario.steps {
            for (backend, _) in step.served where !names.contains(backend) {
                throw GatewayError(
                    .danglingReference, "\(root.file):\(step.line):\(step.column): no backend with the name \(backend)",
                    hint: "serve has: \(names.joined(separator: ", "))")
            }
        }
        return scenario
    }

    private static func backend(_ node: ScenarioNode) throws(GatewayError) -> ScenarioBackend {
        var backend = ScenarioBackend(name: "")
        let fields = ["name", "port", "namespace", "ingress", "service", "pod", "http2Only"]
        for (key, value) in try node.members(fields) {
            switch key {
            case "name":
                backend.name = try value.string()
                if backend.pod.pod == "mock-0" { backend.pod.pod = backend.name }
            case "port": backend.port = try value.integer(0...65_535)
            case "namespace": backend.pod.namespace = try value.string()
            case "ingress": backend.pod.ingress = try value.string()
            case "service": backend.pod.service = try value.string()
            case "pod": backend.pod.pod = try value.string()
            default: backend.http2Only = try value.boolean()
            }
        }
        guard !backend.name.isEmpty else { throw node.error(.missingField, "missing field name") }
        return backend
    }

    private static func step(_ node: ScenarioNode) throws(GatewayError) -> ScenarioStep {
        var step = ScenarioStep(name: "")
        step.line = node.line
        step.column = node.column
        let fields = ["name", "request", "expect", "capture", "repeat", "parallel", "eventually", "served"]
        for (key, value) in try node.members(fields) {
            switch key {
            case "name": step.name = try value.string()
            case "request": step.request = try request(value)
            case "expect": step.expect = try expectation(value)
            case "capture":
                for (name, source) in try value.members() { step.capture.append((name, try capture(source))) }
            case "repeat": step.repeats = try value.integer(1...repeatsMax)
            case "parallel": step.parallel = try value.integer(1...1_000)
            case "eventually": step.eventuallyMilliseconds = try value.milliseconds()
            default:
                for (name, count) in try value.members() {
                    step.served.append((name, try count.integer(0...Int.max)))
                }
            }
        }
        guard step.request != nil || !step.served.isEmpty else {
            throw node.error(.missingField, "missing field request")
        }
        if step.name.isEmpty { step.name = step.request.map { "\($0.method) \($0.url)" } ?? "served" }
        return step
    }

    private static func capture(_ node: ScenarioNode) throws(GatewayError) -> ScenarioCapture {
        let members = try node.members(["header", "json", "regex", "status"])
        guard members.count == 1, let (key, value) = members.first else {
            throw node.error(.invalidValue, "a capture has exactly one of header, json, regex, status")
        }
        switch key {
        case "header": return .header(try value.string())
        case "json": return .json(try value.string())
        case "regex": return .regex(try value.regex())
        default:
            _ = try value.boolean()
            return .status
        }
    }
}
