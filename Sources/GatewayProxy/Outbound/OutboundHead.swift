import GatewayModel
import GatewayWire

/// An outbound request as the upstream path takes it.
enum OutboundHead {
    static let fieldsMax = 64
    static let fieldBytesMax = 16 * 1024
    /// What frames a message or steers a connection is ours to say.
    private static let ours: Set<String> = [
        "connection", "content-length", "expect", "host", "keep-alive", "proxy-connection", "te", "trailer",
        "transfer-encoding", "upgrade",
    ]

    static func make(_ request: OutboundRequest, _ url: OutboundURL) throws(GatewayError) -> RequestHead {
        var head = RequestHead()
        guard let method = methods[request.method] else {
            throw GatewayError(.invalidValue, "an outbound request cannot have the method \(request.method)")
        }
        head.method = method
        head.methodName = head.fields.store(Array(request.method.utf8))
        head.target = head.fields.store(Array(url.target.utf8))
        let pathCount = url.target.utf8.prefix { $0 != UInt8(ascii: "?") }.count
        head.path = Slice(start: Int(head.target.start), count: pathCount)
        head.authority = head.fields.store(Array(url.authority.utf8))
        guard request.fields.count <= fieldsMax else {
            throw GatewayError(.tooLarge, "an outbound request has at most \(fieldsMax) fields")
        }
        for field in request.fields { try add(field, to: &head) }
        let hasBody = !request.body.isEmpty || [.post, .put, .patch].contains(method)
        head.framing = hasBody ? .length(UInt64(request.body.count)) : .none
        return head
    }

    private static func add(_ field: OutboundField, to head: inout RequestHead) throws(GatewayError) {
        let name = field.name.lowercased()
        guard !name.isEmpty, name.utf8.count <= 128, name.utf8.allSatisfy(isToken), !ours.contains(name) else {
            throw GatewayError(.invalidValue, "an outbound request cannot have the field \(field.name.prefix(128))")
        }
        let value = Array(field.value.utf8)
        guard value.count <= fieldBytesMax, value.allSatisfy({ $0 >= 0x20 && $0 != 0x7F || $0 == 0x09 }),
            value.first != 0x20, value.last != 0x20
        else {
            // The value may be a secret.
            throw GatewayError(.invalidValue, "the value cannot be sent of the outbound field \(name)")
        }
        head.fields.append(name: Array(name.utf8), value: value)
    }

    private static let methods: [String: GatewayWire.HTTPMethod] = [
        "GET": .get, "HEAD": .head, "POST": .post, "PUT": .put, "DELETE": .delete, "PATCH": .patch,
        "OPTIONS": .options,
    ]

    /// RFC 9110 section 5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x61...0x7A: true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }
}
