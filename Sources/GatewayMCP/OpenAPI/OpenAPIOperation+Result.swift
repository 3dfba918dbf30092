package import GatewayModel
package import GatewayWire

extension OpenAPIOperation {
    private static let errorTextBytesMax = 4 * 1024

    /// What an answer means to the caller of the tool: a result with its content, structured where it is JSON; a
    /// status from 400 is a failure of the tool that a model can read. The answer has been read whole, within bounds.
    package func result(_ response: OutboundResponse) -> JSONTree {
        guard (200..<300).contains(response.status) else { return refused(response) }
        let media = response.value("content-type") ?? ""
        let plain = OpenAPIMedia.plain(media)
        var result = JSONObject()
        var parts: [JSONTree] = []
        if response.body.isEmpty {
            parts.append(Self.text("\(response.status), without a body"))
        } else if OpenAPIMedia.isJSON(plain), let tree = try? JSONTree.parse(response.body) {
            parts.append(Self.text(String(decoding: response.body, as: UTF8.self)))
            result["structuredContent"] = structured(tree)
        } else {
            parts.append(Self.part(response.body, plain))
        }
        let next = OpenAPIPaging.next(response, parameters)
        if let next { parts.append(Self.text("There is more: call again with \(next.compactText)")) }
        result["content"] = .array(parts)
        if let next { result["_meta"] = ["sluice.dev/next": next] }
        return .object(result)
    }

    /// A call that never became a request.
    package func failure(_ problem: OpenAPIProblem) -> JSONTree {
        ["content": .array([Self.text(problem.reason)]), "isError": true]
    }

    /// Under `result` where it is no object; nil where the schema promised something else.
    private func structured(_ tree: JSONTree) -> JSONTree? {
        if wrapsResult { return ["result": tree] }
        return tree.object == nil ? (outputSchema == nil ? ["result": tree] : nil) : tree
    }

    private static func text(_ text: String) -> JSONTree { ["type": "text", "text": .text(text)] }

    private static func part(_ body: [UInt8], _ media: String) -> JSONTree {
        if media.hasPrefix("image/") || media.hasPrefix("audio/") {
            let kind = media.hasPrefix("image/") ? "image" : "audio"
            return ["type": .text(kind), "data": .text(Base64Text.encoded(body)), "mimeType": .text(media)]
        }
        if let words = String(validating: body, as: UTF8.self) { return text(words) }
        let type = media.isEmpty ? "application/octet-stream" : media
        let resource: JSONTree = [
            "uri": "sluice://answer", "mimeType": .text(type), "blob": .text(Base64Text.encoded(body)),
        ]
        return ["type": "resource", "resource": resource]
    }

    // MARK: errors

    /// The status, when to come again, and what the API says: its problem's title and detail where it has one
    /// (RFC 9457), else the start of its body.
    private func refused(_ response: OutboundResponse) -> JSONTree {
        var words = "HTTP \(response.status)"
        if (300..<400).contains(response.status) { words += ": the API answers with a redirect, which is not followed" }
        if let after = response.value("retry-after") { words += ", try again after \(after.prefix(64))" }
        if let told = Self.told(response) { words += ": \(told)" }
        return [
            "content": .array([Self.text(words)]), "isError": true,
            "_meta": ["sluice.dev/httpStatus": .integer(response.status)],
        ]
    }

    private static func told(_ response: OutboundResponse) -> String? {
        let plain = OpenAPIMedia.plain(response.value("content-type") ?? "")
        if OpenAPIMedia.isJSON(plain), let tree = try? JSONTree.parse(response.body), tree.object != nil {
            let candidates = [tree["error"]?["message"], tree["error_description"], tree["message"], tree["error"]]
            let problem = [tree["title"], tree["detail"]].compactMap { $0?.string?.value }
            if !problem.isEmpty { return cut(problem.joined(separator: ": ")) }
            if let words = candidates.compactMap({ $0?.string?.value }).first { return cut(words) }
        }
        guard !response.body.isEmpty, let words = String(validating: response.body, as: UTF8.self) else { return nil }
        return cut(words)
    }

    private static func cut(_ words: String) -> String {
        guard words.utf8.count > errorTextBytesMax else { return words }
        return String(decoding: words.utf8.prefix(errorTextBytesMax), as: UTF8.self) + " …"
    }
}

/// How a list says that there is more, and how it is asked for.
enum OpenAPIPaging {
    /// Names of parameters, in lower case.
    static let names: Set<String> = [
        "page", "per_page", "perpage", "page_size", "pagesize", "page_token", "pagetoken", "cursor", "next_cursor",
        "starting_after", "ending_before", "after", "before", "offset", "limit", "skip", "top", "$skip", "$top",
        "continuation_token", "marker", "max_results", "maxresults",
    ]
    /// Members of an answer, and the parameters they go into.
    private static let tokens = [
        ("next_cursor", ["cursor", "next_cursor", "after"]), ("nextCursor", ["cursor", "after"]),
        ("next_page_token", ["page_token"]), ("nextPageToken", ["pageToken", "page_token"]),
        ("next_page", ["page"]), ("nextPage", ["page"]), ("continuation_token", ["continuation_token"]),
    ]

    /// Arguments of the call that has the next page; nil: nothing says that there is one.
    static func next(_ response: OutboundResponse, _ parameters: [OpenAPIParameter]) -> JSONTree? {
        let known = parameters.filter { $0.place == .query }
        if let link = response.fields.first(where: { $0.name == "link" })?.value, let target = nextLink(link) {
            var found = JSONObject()
            let query = target.split(separator: "?", maxSplits: 1).dropFirst().first ?? ""
            for pair in query.prefix(4_096).split(separator: "&") {
                let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                let name = PercentEncoding.decoded(parts[0], isForm: true)
                guard let parameter = known.first(where: { $0.name == name }), names.contains(name.lowercased())
                else { continue }
                let value = parts.count > 1 ? PercentEncoding.decoded(parts[1], isForm: true) : ""
                found[parameter.argument] = Int(value).map { .integer($0) } ?? .text(value)
            }
            if !found.isEmpty { return .object(found) }
        }
        guard let tree = try? JSONTree.parse(response.body) else { return nil }
        for (member, into) in tokens {
            guard let value = tree[member], !value.isNull, value != "", value != false,
                let parameter = known.first(where: { into.contains($0.name) })
            else { continue }
            return .object(JSONObject().setting(parameter.argument, value))
        }
        return nil
    }

    /// The target of `rel="next"` (RFC 8288).
    private static func nextLink(_ field: String) -> String? {
        for link in field.prefix(8_192).split(separator: ",") {
            guard let open = link.firstIndex(of: "<"), let close = link[open...].firstIndex(of: ">") else { continue }
            let rest = link[close...].lowercased().filter { $0 != " " && $0 != "\"" }
            if rest.split(separator: ";").contains("rel=next") { return String(link[link.index(after: open)..<close]) }
        }
        return nil
    }
}

extension JSONObject {
    func setting(_ name: String, _ value: JSONTree) -> JSONObject {
        var copy = self
        copy[name] = value
        return copy
    }
}
