/// Everything a tool can do in the protocol, one tool each.
extension MCPTool {
    static let surface: [MCPTool] = plainSurface + asking

    private static let plainSurface: [MCPTool] = [
        MCPTool(
            "get_region", "Where a region is; its name goes in a header too.",
            [
                "region": ["type": "string", "x-mcp-header": "Region"],
                "tries?": ["type": "integer", "x-mcp-header": "Tries"],
            ], hints: ["readOnlyHint": true]
        ) { visit, _ in
            MCPContent.result(MCPContent.text("\(visit.arguments["region"]?.text ?? "") is far away"))
        },
        MCPTool("slow", "Answers after so many milliseconds.", ["ms": whole]) { visit, _ in
            let pause = min(max(visit.arguments["ms"]?.integer ?? 0, 0), 3_600_000)
            return [.pause(milliseconds: pause)] + MCPContent.result(MCPContent.text("slept \(pause) ms"))
        },
        MCPTool("count", "Counts, and tells how far it is.", ["to": whole, "ms?": whole]) { visit, _ in
            let last = min(max(visit.arguments["to"]?.integer ?? 0, 0), 100_000)
            let pause = min(max(visit.arguments["ms"]?.integer ?? 0, 0), 60_000)
            var acts: [MCPAct] = []
            for number in stride(from: 1, through: last, by: 1) {
                if pause > 0 { acts.append(.pause(milliseconds: pause)) }
                acts += visit.progress(number, of: last, "at \(number)")
            }
            return acts + MCPContent.result(MCPContent.text("counted to \(last)"))
        },
        MCPTool("log", "Writes to the log of the client.", ["text": text, "level?": text]) { visit, _ in
            let level = visit.arguments["level"]?.text ?? "info"
            return visit.log(level, visit.arguments["text"] ?? "") + MCPContent.result(MCPContent.text("logged"))
        },
        MCPTool("fail", "Fails as a tool.", ["text?": text]) { visit, _ in
            MCPContent.failure(visit.arguments["text"]?.text ?? "it did not work")
        },
        MCPTool("throw", "Fails as a call.", ["code?": whole, "text?": text]) { visit, _ in
            let code = visit.arguments["code"]?.integer ?? -32603
            throw MCPError(code, visit.arguments["text"]?.text ?? "it broke", data: ["why": "asked to"], status: 200)
        },
        MCPTool("get_picture", "A picture.", hints: ["readOnlyHint": true]) { _, _ in
            MCPContent.result(MCPContent.image)
        },
        MCPTool("get_sound", "A sound.", hints: ["readOnlyHint": true]) { _, _ in MCPContent.result(MCPContent.audio) },
        MCPTool("get_link", "A link to a note.", hints: ["readOnlyHint": true]) { _, _ in
            MCPContent.result(MCPContent.link("mock://notes/n1", "n1"))
        },
        MCPTool("get_embedded", "A note within the result.", hints: ["readOnlyHint": true]) { _, mock in
            MCPContent.result(MCPContent.embedded("mock://notes/n1", mock.note("n1") ?? ""))
        },
        MCPTool("get_mixed", "Every kind of part.", hints: ["readOnlyHint": true]) { _, mock in
            MCPContent.result(
                MCPContent.text("all of it"), MCPContent.image, MCPContent.audio,
                MCPContent.link("mock://notes/n2", "n2"),
                MCPContent.embedded("mock://notes/n1", mock.note("n1") ?? ""), structured: ["parts": 5])
        },
        MCPTool("get_bytes", "A text of so many bytes.", ["bytes": whole], hints: ["readOnlyHint": true]) { visit, _ in
            let count = min(max(visit.arguments["bytes"]?.integer ?? 0, 0), 256 << 20)
            let letters = (0..<26).map { UInt8(0x61 + $0) }
            let bytes = (0..<count).map { letters[$0 % 26] }
            return MCPContent.result(MCPContent.text(String(decoding: bytes, as: UTF8.self)))
        },
        MCPTool("touch", "Tells those who listen that a resource changed.", ["uri": text]) { visit, mock in
            mock.announce(.resource(visit.arguments["uri"]?.text ?? ""))
            return MCPContent.result(MCPContent.text("touched"))
        },
        MCPTool("grow", "Adds a tool, and tells those who listen.") { _, mock in
            MCPContent.result(MCPContent.text("there is now \(mock.grow())"))
        },
        MCPTool("get_client", "What the client says it can do.", hints: ["readOnlyHint": true]) { visit, _ in
            MCPContent.structured(["capabilities": visit.capabilities, "revision": .string(visit.revision.rawValue)])
        },
    ]

    /// Tools that need something of the client first.
    private static let asking: [MCPTool] = [
        MCPTool("ask_name", "Asks the user for a name.") { visit, _ in
            guard let answer = visit.answers["name"] else {
                return [.ask([.form("name", "What is your name?", ["name": text])], keepsState: false)]
            }
            guard answer["action"] == "accept" else {
                return MCPContent.result(MCPContent.text("the user said \(answer["action"]?.text ?? "nothing")"))
            }
            return MCPContent.result(MCPContent.text("hello \(answer["content"]?["name"]?.text ?? "")"))
        },
        MCPTool("ask_twice", "Asks two things, one after the other.") { visit, _ in
            guard visit.answers["first"] != nil else {
                return [.ask([.form("first", "First?", ["value": text])], keepsState: true)]
            }
            guard visit.answers["second"] != nil else {
                return [.ask([.form("second", "Second?", ["value": text])], keepsState: true)]
            }
            let words = ["first", "second"].map { visit.answers[$0]?["content"]?["value"]?.text ?? "-" }
            return MCPContent.result(MCPContent.text(words.joined(separator: " and ")))
        },
        MCPTool("ask_url", "Sends the user to a page.", ["url?": text]) { visit, _ in
            let url = visit.arguments["url"]?.text ?? "https://example.com/consent"
            guard let answer = visit.answers["page"] else {
                var params: JSONDocument = ["mode": "url", "message": "Open this page", "url": .string(url)]
                // An id was what told the end of it; the new revision has none.
                if !visit.revision.isStateless { params.set("elicitationId", "mock-page") }
                return [
                    .ask([MCPQuestion(key: "page", method: "elicitation/create", params: params)], keepsState: false)
                ]
            }
            return MCPContent.result(MCPContent.text("the user said \(answer["action"]?.text ?? "nothing")"))
        },
        MCPTool("ask_model", "Asks the client's model.", ["prompt": text]) { visit, _ in
            guard let answer = visit.answers["sample"] else {
                return [.ask([.sample("sample", visit.arguments["prompt"]?.text ?? "")], keepsState: false)]
            }
            return MCPContent.result(
                MCPContent.text("the model said: \(answer["content"]?["text"]?.text ?? "nothing")"))
        },
        MCPTool("ask_roots", "Asks the client for its roots.") { visit, _ in
            guard let answer = visit.answers["roots"] else { return [.ask([.roots("roots")], keepsState: false)] }
            let uris = (answer["roots"]?.items ?? []).compactMap { $0["uri"]?.text }
            return MCPContent.result(MCPContent.text("roots: \(uris.joined(separator: " "))"))
        },
        MCPTool("ask_password", "Asks for what no form may ask for.") { visit, _ in
            guard visit.answers["password"] != nil else {
                return [.ask([.form("password", "Your password, please", ["password": text])], keepsState: false)]
            }
            return MCPContent.result(MCPContent.text("thank you"))
        },
        MCPTool("ask_forever", "Never has enough.") { visit, _ in
            let round = visit.answers.members.count + 1
            return [.ask([.form("round\(round)", "Round \(round)?", ["value": text])], keepsState: true)]
        },
    ]
}
