/// What a first visitor meets: an echo, a sum, and notes that can be read, listed and deleted.
extension MCPTool {
    static let demo: [MCPTool] = [
        MCPTool(
            "echo", "Says what it is told.", ["text": text],
            hints: ["readOnlyHint": true, "title": "Echo"]
        ) { visit, _ in
            MCPContent.result(MCPContent.text(visit.arguments["text"]?.text ?? ""))
        },
        MCPTool(
            "add", "Adds two numbers.", ["a": number, "b": number], hints: ["readOnlyHint": true],
            output: [
                "type": "object", "properties": ["sum": number], "required": ["sum"],
            ]
        ) { visit, _ in
            MCPContent.structured(["sum": sum(visit.arguments["a"], visit.arguments["b"])])
        },
        MCPTool("get_note", "One note.", ["id": text], hints: ["readOnlyHint": true], output: note) { visit, mock in
            let id = visit.arguments["id"]?.text ?? ""
            guard let words = mock.note(id) else { return MCPContent.failure("there is no note \(id)") }
            return MCPContent.structured(["id": .string(id), "text": .string(words)])
        },
        MCPTool(
            "list_notes", "All notes.", hints: ["readOnlyHint": true],
            output: [
                "type": "object", "properties": ["notes": ["type": "array", "items": note]], "required": ["notes"],
            ]
        ) { _, mock in
            MCPContent.structured([
                "notes": .array(mock.notes.map { ["id": .string($0.key), "text": .string($0.value)] })
            ])
        },
        MCPTool(
            "delete_note", "Deletes a note for good.", ["id": text],
            hints: ["readOnlyHint": false, "destructiveHint": true, "idempotentHint": false]
        ) { visit, mock in
            let id = visit.arguments["id"]?.text ?? ""
            guard mock.delete(note: id) else { return MCPContent.failure("there is no note \(id)") }
            return MCPContent.result(MCPContent.text("note \(id) is deleted"))
        },
    ]

    private static let note: JSONDocument = [
        "type": "object", "properties": ["id": text, "text": text], "required": ["id", "text"],
    ]

    private static func sum(_ left: JSONDocument?, _ right: JSONDocument?) -> JSONDocument {
        if let left = left?.integer, let right = right?.integer {
            let (sum, overflows) = left.addingReportingOverflow(right)
            if !overflows { return .int(sum) }
        }
        guard case .number(let left)? = left, case .number(let right)? = right, let left = Double(left),
            let right = Double(right), (left + right).isFinite
        else { return 0 }
        return .number("\(left + right)")
    }
}
