import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayWire

/// A catalogue too large for a model's context: its list has two tools of the gateway's own, one that finds tools and
/// one that calls what was found. What may not be called is not found either, and a call through the second is judged,
/// checked and recorded like any other.
extension MCPExchange {
    private static let searchName = "search_tools"
    private static let callName = "call_tool"
    private static let countDefault = 8
    private static let countMax = 50

    private static let finders: [JSONTree] = [
        [
            "name": .text(searchName), "title": "Find tools",
            "description": "Finds tools by what they do: names, descriptions and schemas, to be called by call_tool.",
            "inputSchema": [
                "type": "object",
                "properties": [
                    "query": ["type": "string", "description": "A few words about what the tool should do."],
                    "limit": ["type": "integer", "minimum": 1, "maximum": .integer(countMax)],
                ],
                "required": ["query"],
            ],
            "annotations": ["readOnlyHint": true, "openWorldHint": false],
        ],
        [
            "name": .text(callName), "title": "Call a tool",
            "description": "Calls a tool that search_tools has found, with arguments that fit its input schema.",
            "inputSchema": [
                "type": "object",
                "properties": [
                    "name": ["type": "string", "description": "The tool's name, as search_tools gives it."],
                    "arguments": ["type": "object"],
                ],
                "required": ["name"],
            ],
        ],
    ]

    func listFinders(_ call: ClientCall) {
        var result: JSONObject = ["tools": .array(MCPExchange.finders)]
        if call.isStateless {
            result["resultType"] = "complete"
            result["ttlMs"] = 60_000
            result["cacheScope"] = "private"
            result["_meta"] = .object([MCPName.serverInfoMeta: ServerSurvey.ownInfo])
        }
        finish(result: JSONTree.object(result).bytes, of: call)
    }

    func callFinder(_ name: String, _ call: ClientCall) throws(ClientFault) {
        let arguments = try arguments(call)
        switch name {
        case MCPExchange.searchName:
            guard let query = arguments["query"]?.string?.value else { throw missing("arguments.query", call) }
            let count = arguments["limit"]?.int ?? MCPExchange.countDefault
            search(query, countMax: min(max(1, count), MCPExchange.countMax), call)
        case MCPExchange.callName:
            guard let inner = arguments["name"]?.string?.value, !inner.isEmpty else {
                throw missing("arguments.name", call)
            }
            let given = arguments["arguments"] ?? .object(JSONObject())
            guard given.object != nil else {
                throw ClientFault(JSONRPCCode.invalidParams, "arguments.arguments must be an object", id: call.id)
            }
            try callTool(inner, given, call)
        default: throw unknown(.tool, name, call)
        }
    }

    private func search(_ query: String, countMax: Int, _ call: ClientCall) {
        withShelves(view.servers, call) { [self] shelves in
            let lists = zip(view.servers, shelves).map { server, shelf in
                let tools = (shelf?.tools.values.map { $0 } ?? []).sorted { $0.name < $1.name }
                    .filter { isListed(.tool, $0.name, server) && refusal(of: $0, at: server) == nil }
                return ListGathering.List(server: server, items: tools.map(\.tree))
            }
            let names = SharedNames(.tools, lists, view)
            var tools: [JSONObject] = []
            var entries: [ToolRanking.Entry] = []
            for (list, shelf) in zip(lists, shelves) {
                let words = shelf?.words(place: list.server.prefix) ?? [:]
                for item in list.items {
                    guard var object = item.object, let own = object["name"]?.string?.value,
                        let shown = names.shown(own, of: list.server), let entry = words[ExactName(own)]
                    else { continue }
                    object["name"] = .text(shown)
                    tools.append(object)
                    entries.append(entry)
                }
            }
            let found = ToolRanking(entries).best(query, countMax: countMax).map { JSONTree.object(tools[$0.index]) }
            let structured: JSONTree = ["tools": .array(found), "total": .integer(tools.count)]
            var result: JSONObject = [
                "content": .array([["type": "text", "text": .text(structured.compactText)]]),
                "structuredContent": structured,
            ]
            if call.isStateless { result["resultType"] = "complete" }
            finish(result: JSONTree.object(result).bytes, of: call)
        }
    }
}
