package import GatewayModel
package import GatewayWire

extension OpenAPIOperation {
    package static let targetBytesMax = 16 * 1024

    /// The request that a call means. `baseURL` is what the paths of the document come behind; `credential` goes where
    /// the document says, as `user:password` for basic, or as a bearer token where it says nothing.
    package func request(
        _ arguments: JSONTree, baseURL: String, credential: Secret? = nil
    ) throws(OpenAPIProblem) -> OutboundRequest {
        let given = arguments.object ?? JSONObject()
        guard arguments.object != nil || arguments.isNull else { throw OpenAPIProblem("the arguments are no object") }
        for member in given.members {
            let name = member.name.value
            guard name == bodyArgument && body != nil || parameters.contains(where: { $0.argument == name }) else {
                throw OpenAPIProblem("there is no argument \(name.prefix(64))")
            }
        }
        var path = path
        var (query, fields, cookies): ([String], [OutboundField], [String]) = ([], [], [])
        for parameter in parameters {
            guard let value = given[parameter.argument], !value.isNull else {
                guard !parameter.isRequired else { throw OpenAPIProblem("\(parameter.argument) is missing") }
                continue
            }
            switch parameter.place {
            case .path: path = path.replacing("{\(parameter.name)}", with: try parameter.segment(value))
            case .query:
                try checkNames(parameter, value)
                query += try parameter.pairs(value)
            case .header: fields.append(OutboundField(parameter.name, try parameter.field(value)))
            case .cookie: cookies.append("\(parameter.name)=\(try parameter.field(value))")
            }
        }
        fields.append(OutboundField("accept", "application/json, */*;q=0.5"))
        let content = try content(given[bodyArgument], &fields)
        if let credential { prove(credential, &query, &fields, &cookies) }
        if !cookies.isEmpty { fields.append(OutboundField("cookie", cookies.joined(separator: "; "))) }
        var url = OutboundURL.join(baseURL, PercentEncoding.visible(path))
        if !query.isEmpty { url += "?" + query.joined(separator: "&") }
        guard url.utf8.count <= Self.targetBytesMax else { throw OpenAPIProblem("the arguments make too long a URL") }
        return OutboundRequest(method, url, fields: fields, body: content)
    }

    /// The members of an object that is spread over the query become parameters themselves: none of them is another
    /// argument, which rules may have judged, nor the credential.
    private func checkNames(_ parameter: OpenAPIParameter, _ value: JSONTree) throws(OpenAPIProblem) {
        guard parameter.style == .form, parameter.explodes, let object = value.object else { return }
        for member in object.members {
            let name = member.name.value
            let isTaken = parameters.contains {
                $0.place == .query && $0.argument != parameter.argument && $0.name.isExactly(name)
            }
            guard !isTaken, !credentials.contains(.query(name)) else {
                throw OpenAPIProblem("\(parameter.argument) may not have a member \(name.prefix(64))")
            }
        }
    }

    // MARK: body

    private func content(_ value: JSONTree?, _ fields: inout [OutboundField]) throws(OpenAPIProblem) -> [UInt8] {
        guard let body else { return [] }
        guard let value, !value.isNull || isBodyRequired else {
            guard !isBodyRequired else { throw OpenAPIProblem("\(bodyArgument) is missing") }
            return []
        }
        switch body {
        case .json(let mediaType):
            fields.append(OutboundField("content-type", mediaType))
            return value.bytes
        case .text(let mediaType):
            guard let text = value.string?.value else { throw OpenAPIProblem("\(bodyArgument) is no text") }
            fields.append(OutboundField("content-type", mediaType))
            return Array(text.utf8)
        case .form:
            fields.append(OutboundField("content-type", "application/x-www-form-urlencoded"))
            var pairs: [String] = []
            for member in try members(value) {
                var part = part(member.name.value)
                // Spread over the form, its members would stand beside those of the body.
                if member.value.object != nil { part.style = .json }
                pairs += try part.pairs(member.value)
            }
            return Array(pairs.joined(separator: "&").utf8)
        case .multipart:
            return try multipart(value, &fields)
        }
    }

    private func members(_ value: JSONTree) throws(OpenAPIProblem) -> [JSONObject.Member] {
        guard let object = value.object else { throw OpenAPIProblem("\(bodyArgument) is no object") }
        return object.members
    }

    private func part(_ name: String) -> OpenAPIParameter {
        OpenAPIParameter(
            argument: name, name: name, place: .query, style: .form, explodes: true, isRequired: false,
            allowsReserved: false)
    }

    /// Fields of text. Nobody knows the boundary before, so that it is in none of them and is not looked for either: a
    /// caller would have it looked for as often as he likes.
    private func multipart(_ value: JSONTree, _ fields: inout [OutboundField]) throws(OpenAPIProblem) -> [UInt8] {
        var parts: [(name: String, type: String, text: String)] = []
        for member in try members(value) {
            let name = member.name.value
            guard name.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x22 && $0 != 0x7F }) else {
                throw OpenAPIProblem("a part has a name that none may have")
            }
            switch member.value {
            case .string(let text): parts.append((name, "text/plain; charset=utf-8", text.value))
            default: parts.append((name, "application/json", member.value.compactText))
            }
        }
        let boundary = "sluice-\(SessionID.make())"
        var out: [UInt8] = []
        for part in parts {
            let head = "content-disposition: form-data; name=\"\(part.name)\"\r\ncontent-type: \(part.type)\r\n"
            out += "--\(boundary)\r\n\(head)\r\n\(part.text)\r\n".utf8
        }
        out += "--\(boundary)--\r\n".utf8
        fields.append(OutboundField("content-type", "multipart/form-data; boundary=\(boundary)"))
        return out
    }

    // MARK: credential

    private func prove(
        _ credential: Secret, _ query: inout [String], _ fields: inout [OutboundField], _ cookies: inout [String]
    ) {
        let bytes = credential.reveal { $0 }
        let text = String(decoding: bytes, as: UTF8.self)
        switch credentials.first ?? .bearer {
        case .header(let name): fields.append(OutboundField(name, text))
        case .query(let name):
            query.append("\(PercentEncoding.encoded(name))=\(PercentEncoding.encoded(text))")
        case .cookie(let name): cookies.append("\(name)=\(PercentEncoding.encoded(text))")
        case .bearer: fields.append(OutboundField("authorization", "Bearer \(text)"))
        case .basic: fields.append(OutboundField("authorization", "Basic \(Base64Text.encoded(bytes))"))
        }
    }
}

/// Standard base64 (RFC 4648 section 4).
enum Base64Text {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    static func encoded(_ bytes: [UInt8]) -> String {
        var out: [UInt8] = []
        out.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let count = min(3, bytes.count - index)
            var word: UInt32 = 0
            for offset in 0..<3 { word = word << 8 | (offset < count ? UInt32(bytes[index + offset]) : 0) }
            for offset in 0..<4 {
                out.append(offset <= count ? alphabet[Int(word >> UInt32(18 - 6 * offset) & 63)] : 0x3D)
            }
            index += 3
        }
        return String(decoding: out, as: UTF8.self)
    }
}
