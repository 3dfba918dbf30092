/// The tools that the official conformance suite calls by name, with the answers that it expects of them.
extension MCPTool {
    static let conformance: [MCPTool] = plain + elicitations + rounds

    private static let plain: [MCPTool] = [
        MCPTool("test_simple_text", "Tests simple text content response") { _, _ in
            MCPContent.result(MCPContent.text("This is a simple text response for testing."))
        },
        MCPTool("test_image_content", "Tests image content response") { _, _ in
            MCPContent.result(MCPContent.image)
        },
        MCPTool("test_audio_content", "Tests audio content response") { _, _ in MCPContent.result(MCPContent.audio) },
        MCPTool("test_embedded_resource", "Tests embedded resource content response") { _, _ in
            MCPContent.result(
                MCPContent.embedded("test://embedded-resource", "This is an embedded resource content."))
        },
        MCPTool("test_multiple_content_types", "Tests response with multiple content types") { _, _ in
            MCPContent.result(
                MCPContent.text("Multiple content types test:"), MCPContent.image,
                MCPContent.embedded(
                    "test://mixed-content-resource", #"{"test":"data","value":123}"#, type: "application/json"))
        },
        MCPTool("test_tool_with_logging", "Tests tool that emits log messages during execution") { visit, _ in
            visit.log("info", "Tool execution started") + [.pause(milliseconds: 20)]
                + visit.log("info", "Tool processing data") + [.pause(milliseconds: 20)]
                + visit.log("info", "Tool execution completed")
                + MCPContent.result(MCPContent.text("Tool with logging executed successfully"))
        },
        MCPTool("test_tool_with_progress", "Tests tool that reports progress notifications") { visit, _ in
            visit.progress(0, of: 100, "Completed step 0 of 100") + [.pause(milliseconds: 20)]
                + visit.progress(50, of: 100, "Completed step 50 of 100") + [.pause(milliseconds: 20)]
                + visit.progress(100, of: 100, "Completed step 100 of 100")
                + MCPContent.result(MCPContent.text((visit.progressToken ?? 0).json))
        },
        MCPTool("test_error_handling", "Tests error response handling") { _, _ in
            MCPContent.failure("This tool intentionally returns an error for testing")
        },
        MCPTool("test_reconnection", "Tests a stream that closes in the middle of a call") { visit, _ in
            let closes: [MCPAct] = visit.revision.isStateless ? [] : [.poll(retryMilliseconds: 50)]
            return closes + [.pause(milliseconds: 100)]
                + MCPContent.result(MCPContent.text("Reconnection test completed successfully."))
        },
        MCPTool("test_logging_tool", "Diagnostic logging validator tool") { visit, _ in
            visit.log("info", "Logging from the diagnostic tool") + MCPContent.result(MCPContent.text("logged"))
        },
        MCPTool("test_streaming_elicitation", "Diagnostic tool validating response progress streams") { visit, _ in
            visit.progress(1, of: 2, "half") + [.pause(milliseconds: 20)] + visit.progress(2, of: 2, "done")
                + MCPContent.result(MCPContent.text("streamed"))
        },
        MCPTool(
            [
                "name": "json_schema_2020_12_tool", "description": "Tool with JSON Schema 2020-12 features",
                "inputSchema": schema2020,
            ]
        ) { visit, _ in
            MCPContent.result(MCPContent.text("JSON Schema 2020-12 tool called with: \(visit.arguments.json)"))
        },
    ]

    /// Keywords of the dialect that nobody on the way may drop.
    private static let schema2020: JSONDocument = [
        "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
        "$defs": [
            "address": [
                "$anchor": "addressDef", "type": "object", "properties": ["street": text, "city": text],
            ]
        ],
        "properties": [
            "name": text, "address": ["$ref": "#/$defs/address"],
            "contactMethod": ["type": "string", "enum": ["phone", "email"]], "phone": text, "email": text,
        ],
        "allOf": [["anyOf": [["required": ["phone"]], ["required": ["email"]]]]],
        "if": ["properties": ["contactMethod": ["const": "phone"]], "required": ["contactMethod"]],
        "then": ["required": ["phone"]], "else": ["required": ["email"]], "additionalProperties": false,
    ]

    private static func reply(_ answer: JSONDocument) -> [MCPAct] {
        let words = "action=\(answer["action"]?.text ?? ""), content=\((answer["content"] ?? [:]).json)"
        return MCPContent.result(MCPContent.text(words))
    }

    private static func form(_ message: String, _ properties: JSONDocument, required: [JSONDocument]) -> MCPAct {
        let schema: JSONDocument = ["type": "object", "properties": properties, "required": .array(required)]
        let params: JSONDocument = ["message": .string(message), "requestedSchema": schema]
        return .ask([MCPQuestion(key: "form", method: "elicitation/create", params: params)], keepsState: false)
    }

    private static let elicitations: [MCPTool] = [
        MCPTool("test_sampling", "Tests server-initiated sampling", ["prompt": text]) { visit, _ in
            guard let answer = visit.answers["sample"] else {
                return [.ask([.sample("sample", visit.arguments["prompt"]?.text ?? "")], keepsState: false)]
            }
            return MCPContent.result(
                MCPContent.text("LLM response: \(answer["content"]?["text"]?.text ?? "No response")"))
        },
        MCPTool("test_elicitation", "Tests server-initiated elicitation", ["message": text]) { visit, _ in
            if let answer = visit.answers["form"] { return reply(answer) }
            let properties: JSONDocument = ["response": ["type": "string", "description": "User's response"]]
            return [form(visit.arguments["message"]?.text ?? "", properties, required: ["response"])]
        },
        MCPTool("test_elicitation_sep1034_defaults", "Tests elicitation with default values") { visit, _ in
            if let answer = visit.answers["form"] { return reply(answer) }
            let properties: JSONDocument = [
                "name": ["type": "string", "default": "John Doe"], "age": ["type": "integer", "default": 30],
                "score": ["type": "number", "default": .number("95.5")],
                "status": ["type": "string", "enum": ["active", "inactive", "pending"], "default": "active"],
                "verified": ["type": "boolean", "default": true],
            ]
            return [form("Please review and update the form fields with defaults", properties, required: [])]
        },
        MCPTool("test_elicitation_sep1330_enums", "Tests elicitation with enums of every shape") { visit, _ in
            if let answer = visit.answers["form"] { return reply(answer) }
            func titled(_ names: [(String, String)]) -> JSONDocument {
                .array(names.map { ["const": .string($0.0), "title": .string($0.1)] })
            }
            let options: JSONDocument = ["option1", "option2", "option3"]
            let titles = titled([
                ("value1", "First Option"), ("value2", "Second Option"), ("value3", "Third Option"),
            ])
            let properties: JSONDocument = [
                "untitledSingle": ["type": "string", "enum": options],
                "titledSingle": ["type": "string", "oneOf": titles],
                "legacyEnum": [
                    "type": "string", "enum": ["opt1", "opt2", "opt3"],
                    "enumNames": ["Option One", "Option Two", "Option Three"],
                ],
                "untitledMulti": [
                    "type": "array", "minItems": 1, "maxItems": 3, "items": ["type": "string", "enum": options],
                ],
                "titledMulti": ["type": "array", "minItems": 1, "maxItems": 3, "items": ["anyOf": titles]],
            ]
            return [form("Please select options from the enum fields", properties, required: [])]
        },
    ]

    private static func said(_ visit: MCPVisit, _ key: String, _ field: String) -> String {
        visit.answers[key]?["content"]?[field]?.text ?? "unknown"
    }

    /// Those that take more than one round: `input_required` in the new revision, questions on the stream in the old.
    private static let rounds: [MCPTool] = [
        MCPTool("test_missing_capability", "Test tool requiring sampling") { visit, _ in
            guard visit.capabilities["sampling"] != nil else {
                throw MCPError(
                    -32021, "the client has no sampling", data: ["requiredCapabilities": ["sampling": [:]]])
            }
            return MCPContent.result(MCPContent.text("Success"))
        },
        MCPTool("test_input_required_result_elicitation", "Asks for a name") { visit, _ in
            guard visit.answers["user_name"] != nil else {
                return [.ask([.form("user_name", "What is your name?", ["name": text])], keepsState: false)]
            }
            return MCPContent.result(MCPContent.text("Hello, \(said(visit, "user_name", "name"))!"))
        },
        MCPTool("test_input_required_result_sampling", "Asks for a completion") { visit, _ in
            guard let answer = visit.answers["sample_request"] else {
                return [.ask([.sample("sample_request", "What is the capital of France?")], keepsState: false)]
            }
            return MCPContent.result(
                MCPContent.text("Sampling result: \(answer["content"]?["text"]?.text ?? "no response")"))
        },
        MCPTool("test_input_required_result_list_roots", "Asks for roots") { visit, _ in
            guard let answer = visit.answers["roots_request"] else {
                return [.ask([.roots("roots_request")], keepsState: false)]
            }
            return MCPContent.result(MCPContent.text("Found \(answer["roots"]?.items.count ?? 0) root(s)"))
        },
        confirming("test_input_required_result_request_state", "state-ok: requestState validated"),
        confirming("test_input_required_result_tampered_state", "integrity-ok: state verified"),
        MCPTool("test_input_required_result_multiple_inputs", "Asks for three things at once") { visit, _ in
            guard visit.answers["user_name"] != nil, visit.answers["greeting"] != nil,
                let roots = visit.answers["client_roots"]
            else {
                let questions: [MCPQuestion] = [
                    .form("user_name", "What is your name?", ["name": text]),
                    .sample("greeting", "Generate a greeting", tokensMax: 50), .roots("client_roots"),
                ]
                return [.ask(questions, keepsState: true)]
            }
            let greeting = visit.answers["greeting"]?["content"]?["text"]?.text ?? "Hello there!"
            let count = roots["roots"]?.items.count ?? 0
            return MCPContent.result(
                MCPContent.text("Name: \(said(visit, "user_name", "name")); Greeting: \(greeting); Roots: \(count)"))
        },
        MCPTool("test_input_required_result_multi_round", "Asks two things, one after the other") { visit, _ in
            guard visit.answers["step1"] != nil else {
                return [.ask([.form("step1", "Step 1: What is your name?", ["name": text])], keepsState: true)]
            }
            guard visit.answers["step2"] != nil else {
                let question = MCPQuestion.form("step2", "Step 2: What is your favorite color?", ["color": text])
                return [.ask([question], keepsState: true)]
            }
            let (name, color) = (said(visit, "step1", "name"), said(visit, "step2", "color"))
            return MCPContent.result(MCPContent.text("Multi-round complete for \(name) who likes \(color)"))
        },
        MCPTool("test_input_required_result_capabilities", "Asks only for what the client can do") { visit, _ in
            if !visit.answers.members.isEmpty {
                let keys = visit.answers.members.map(\.name).joined(separator: ",")
                return MCPContent.result(MCPContent.text("capabilities-ok: received \(keys)"))
            }
            let questions: [MCPQuestion] = [
                .form("elicit_input", "Elicitation input", ["value": text]),
                .sample("sample_input", "Sample request", tokensMax: 50),
            ]
            let possible = questions.filter(visit.can)
            if possible.isEmpty {
                return MCPContent.result(MCPContent.text("No supported capabilities declared"))
            }
            return [.ask(possible, keepsState: true)]
        },
    ]

    private static func confirming(_ name: String, _ words: String) -> MCPTool {
        MCPTool(name, "Keeps a state between its rounds") { visit, _ in
            guard visit.answers["confirm"] != nil else {
                let question = MCPQuestion.form("confirm", "Please confirm", ["ok": ["type": "boolean"]])
                return [.ask([question], keepsState: true)]
            }
            return MCPContent.result(MCPContent.text(words))
        }
    }
}

extension MCPServerMock {
    static var suiteResources: [MCPResource] {
        [
            MCPResource(
                "test://static-text", "static-text", text: "This is the content of the static text resource."),
            MCPResource("test://static-binary", "static-binary", type: "image/png", blob: MCPContent.dot),
            MCPResource("test://watched-resource", "watched-resource", text: "Watched resource content"),
            MCPResource(
                "test://stateless-static-text", "stateless-static-text",
                text: "Static text content from the stateless draft path."),
        ]
    }

    static var suitePrompts: [MCPPrompt] {
        [
            MCPPrompt("test_simple_prompt", "A simple prompt without arguments") { _ in
                MCPPrompt.messages(MCPContent.text("This is a simple prompt for testing."))
            },
            MCPPrompt("test_prompt_with_arguments", "A prompt with required arguments", ["arg1", "arg2"]) { visit in
                let (one, two) = (visit.arguments["arg1"]?.text ?? "", visit.arguments["arg2"]?.text ?? "")
                return MCPPrompt.messages(MCPContent.text("Prompt with arguments: arg1='\(one)', arg2='\(two)'"))
            },
            MCPPrompt("test_prompt_with_embedded_resource", "A prompt with a resource", ["resourceUri"]) { visit in
                MCPPrompt.messages(
                    MCPContent.embedded(
                        visit.arguments["resourceUri"]?.text ?? "", "Embedded resource content for testing."),
                    MCPContent.text("Please process the embedded resource above."))
            },
            MCPPrompt("test_prompt_with_image", "A prompt that includes image content") { _ in
                MCPPrompt.messages(MCPContent.image, MCPContent.text("Please analyze the image above."))
            },
            MCPPrompt("test_input_required_result_prompt", "A prompt that asks first") { visit in
                guard let answer = visit.answers["user_context"] else {
                    let question = MCPQuestion.form(
                        "user_context", "What context should the prompt use?", ["context": MCPTool.text])
                    return [.ask([question], keepsState: false)]
                }
                let context = answer["content"]?["context"]?.text ?? "unknown"
                return MCPPrompt.messages(MCPContent.text("Prompt with context: \(context)"))
            },
        ]
    }
}
