import GatewayModel
import Yams

extension ScenarioDecoder {
    static func request(_ node: ScenarioNode) throws(GatewayError) -> ScenarioRequest {
        var request = ScenarioRequest()
        var hasMethod = false
        let fields = [
            "method", "url", "headers", "body", "json", "protocol", "via", "timeout", "tls", "messages",
        ]
        for (key, value) in try node.members(fields) {
            switch key {
            case "method":
                request.method = try value.string()
                hasMethod = true
            case "url": request.url = try value.string()
            case "headers":
                for (name, texts) in try value.members() {
                    for text in try texts.oneOrMore() { request.headers.append(Header(name, try text.string())) }
                }
            case "body": request.body = try value.string()
            case "json": request.json = try value.json()
            case "protocol": request.wire = try value.choice(ScenarioRequest.Wire.self)
            case "via": request.via = try value.string()
            case "timeout": request.timeoutMilliseconds = try value.milliseconds()
            case "tls": request.tls = try tls(value)
            default: for text in try value.items() { request.messages.append(try text.string()) }
            }
        }
        guard !request.url.isEmpty else { throw node.error(.missingField, "missing field url") }
        if request.body != nil, request.json != nil {
            throw node.error(.invalidValue, "a request has either body or json, not both")
        }
        if !request.messages.isEmpty, request.wire != .webSocket {
            throw node.error(.invalidValue, "messages need protocol ws")
        }
        if !hasMethod, request.body != nil || request.json != nil { request.method = "POST" }
        return request
    }

    private static func tls(_ node: ScenarioNode) throws(GatewayError) -> ScenarioTLS {
        var tls = ScenarioTLS()
        for (key, value) in try node.members(["ca", "certificate", "key", "serverName", "insecure"]) {
            switch key {
            case "ca": tls.authorityFile = try value.string()
            case "certificate": tls.certificateFile = try value.string()
            case "key": tls.keyFile = try value.string()
            case "serverName": tls.serverName = try value.string()
            default: tls.insecure = try value.boolean()
            }
        }
        return tls
    }

    static func expectation(_ node: ScenarioNode) throws(GatewayError) -> ScenarioExpectation {
        var expect = ScenarioExpectation()
        let fields = ["status", "headers", "trailers", "body", "latency", "failure", "messages"]
        for (key, value) in try node.members(fields) {
            switch key {
            case "status": for item in try value.oneOrMore() { expect.statuses.append(try item.integer(100...599)) }
            case "headers": expect.headers = try fieldsExpected(value)
            case "trailers": expect.trailers = try fieldsExpected(value)
            case "body": try body(value, &expect)
            case "latency": expect.latencyMilliseconds = try value.milliseconds()
            case "failure": expect.failure = try value.choice(ScenarioExpectation.Failure.self)
            default: for text in try value.items() { expect.messages.append(try text.string()) }
            }
        }
        return expect
    }

    private static func fieldsExpected(
        _ node: ScenarioNode
    ) throws(GatewayError) -> [(name: String, text: ScenarioExpectation.Text)] {
        var fields: [(name: String, text: ScenarioExpectation.Text)] = []
        for (name, value) in try node.members() {
            guard case .mapping = value.node else {
                fields.append((name, .equals(try value.string())))
                continue
            }
            for (key, text) in try value.members(["equals", "contains", "matches", "absent"]) {
                switch key {
                case "equals": fields.append((name, .equals(try text.string())))
                case "contains": fields.append((name, .contains(try text.string())))
                case "matches": fields.append((name, .matches(try text.regex())))
                default:
                    guard try text.boolean() else {
                        throw text.error(.invalidValue, "absent can only be true", hint: "leave the header out instead")
                    }
                    fields.append((name, .absent))
                }
            }
        }
        return fields
    }

    private static func body(_ node: ScenarioNode, _ expect: inout ScenarioExpectation) throws(GatewayError) {
        guard case .mapping = node.node else {
            expect.body.append(.equals(try node.string()))
            return
        }
        for (key, value) in try node.members(["equals", "contains", "matches", "json"]) {
            switch key {
            case "equals": expect.body.append(.equals(try value.string()))
            case "contains": for text in try value.oneOrMore() { expect.body.append(.contains(try text.string())) }
            case "matches": for text in try value.oneOrMore() { expect.body.append(.matches(try text.regex())) }
            default: for (path, wanted) in try value.members() { expect.json.append((path, try wanted.json())) }
            }
        }
    }
}
