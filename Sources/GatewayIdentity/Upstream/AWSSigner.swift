import Crypto
package import GatewayModel
package import GatewayWire

/// Keys of AWS that sign requests to one service of one region (Signature Version 4).
package struct AWSSigner: Sendable {
    package let accessKeyID: String
    private let secretKey: Secret
    private let sessionToken: Secret?
    package let region: String
    package let service: String

    package init(accessKeyID: String, secretKey: Secret, sessionToken: Secret?, region: String, service: String) {
        self.accessKeyID = accessKeyID
        self.secretKey = secretKey
        self.sessionToken = sessionToken
        self.region = region
        self.service = service
    }

    /// SHA-256 over a body that may come in pieces.
    package struct BodyDigest: Sendable {
        private var hash = SHA256()

        package init() {}

        package mutating func add(_ bytes: Span<UInt8>) {
            // Safe: the hash only reads.
            unsafe bytes.withUnsafeBytes { unsafe hash.update(bufferPointer: $0) }
        }

        package var hex: String { AWSSigner.hex(hash.finalize()) }
    }

    /// What a signature is made over, in order.
    package struct Content {
        package var method: String
        /// As on the wire.
        package var path: String
        package var query: String
        /// In any order; names in any case.
        package var fields: [(name: String, value: String)]
        package var bodyHex: String

        package init(
            method: String, path: String, query: String, fields: [(name: String, value: String)], bodyHex: String
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.fields = fields
            self.bodyHex = bodyHex
        }
    }

    /// Adds `x-amz-date`, the session's token and `authorization` to a head whose other fields stand. What else the
    /// head has, beside its authority and content type, is not signed: the way may change it.
    package func sign(_ head: inout RequestHead, bodyHex: String, wallSeconds: Int) {
        let time = AWSSigner.timestamp(wallSeconds)
        for name in ["authorization", "x-amz-date", "x-amz-security-token"] {
            head.fields.remove(named: Array(name.utf8))
        }
        var fields = [(name: "host", value: head.fields.text(head.authority)), (name: "x-amz-date", value: time)]
        if let type = head.fields.value(named: "content-type") { fields.append(("content-type", type)) }
        head.fields.append("x-amz-date", time)
        if let sessionToken {
            let token = sessionToken.reveal { String(decoding: $0, as: UTF8.self) }
            fields.append(("x-amz-security-token", token))
            head.fields.append("x-amz-security-token", token)
        }
        let content = Content(
            method: head.fields.text(head.methodName), path: head.fields.text(head.path),
            query: head.fields.text(head.query), fields: fields, bodyHex: bodyHex)
        head.fields.append("authorization", authorization(content, time: time))
    }

    /// The value of `Authorization` for what is sent at `time` (`20150830T123600Z`).
    package func authorization(_ content: Content, time: String) -> String {
        let scope = "\(time.prefix(8))/\(region)/\(service)/aws4_request"
        let (request, names) = canonical(content)
        let text =
            "AWS4-HMAC-SHA256\n\(time)\n\(scope)\n\(AWSSigner.hex(SHA256.hash(data: Array(request.utf8))))"
        var key = secretKey.reveal { SymmetricKey(data: Array("AWS4".utf8) + $0) }
        for part in [String(time.prefix(8)), region, service, "aws4_request"] {
            key = SymmetricKey(data: HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key))
        }
        let signature = AWSSigner.hex(HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key))
        return "AWS4-HMAC-SHA256 Credential=\(accessKeyID)/\(scope), SignedHeaders=\(names), Signature=\(signature)"
    }

    // MARK: The canonical request

    /// The canonical request, and the names that are signed.
    func canonical(_ content: Content) -> (request: String, names: String) {
        var values: [String: [String]] = [:]
        for field in content.fields {
            values[field.name.lowercased(), default: []].append(AWSSigner.trimmed(field.value))
        }
        let names = values.keys.sorted()
        let lines = names.map { "\($0):\((values[$0] ?? []).joined(separator: ","))" }
        // S3 takes the path as it is: a key may have dots and slashes of its own.
        let path = service == "s3" ? content.path : AWSSigner.path(content.path)
        let request = [
            content.method, path, AWSSigner.query(content.query), lines.joined(separator: "\n"), "",
            names.joined(separator: ";"), content.bodyHex,
        ].joined(separator: "\n")
        return (request, names.joined(separator: ";"))
    }

    /// Without blanks at its ends, and one in place of several.
    private static func trimmed(_ value: String) -> String {
        value.split { $0 == " " || $0 == "\t" || $0 == "\n" || $0 == "\r\n" }.joined(separator: " ")
    }

    /// The path without dots and doubled slashes, encoded once more than on the wire.
    static func path(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        guard !parts.isEmpty else { return "/" }
        let end = path.hasSuffix("/") || path.hasSuffix("/.") || path.hasSuffix("/..") ? "/" : ""
        return "/" + parts.map { encoded(Array($0.utf8)) }.joined(separator: "/") + end
    }

    /// Every field encoded the one way there is, by name and then by value.
    static func query(_ query: String) -> String {
        query.utf8.split(separator: 0x26).map { pair -> (String, String) in
            let split = pair.firstIndex(of: 0x3D) ?? pair.endIndex
            let value = split < pair.endIndex ? pair[pair.index(after: split)...] : pair[pair.endIndex...]
            return (encoded(decoded(Array(pair[..<split]))), encoded(decoded(Array(value))))
        }
        .sorted { ($0.0, $0.1) < ($1.0, $1.1) }
        .map { "\($0)=\($1)" }.joined(separator: "&")
    }

    /// What RFC 3986 leaves unreserved stands as it is.
    package static func encoded(_ bytes: [UInt8]) -> String {
        let digits = Array("0123456789ABCDEF".utf8)
        var out: [UInt8] = []
        for byte in bytes {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: out.append(byte)
            default: out += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func decoded(_ bytes: [UInt8]) -> [UInt8] {
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x25, index + 2 < bytes.count,
                let value = UInt8(String(decoding: bytes[index + 1...index + 2], as: UTF8.self), radix: 16)
            {
                out.append(value)
                index += 3
            } else {
                out.append(bytes[index])
                index += 1
            }
        }
        return out
    }

    fileprivate static func hex(_ bytes: some Sequence<UInt8>) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var out: [UInt8] = []
        for byte in bytes { out += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: out, as: UTF8.self)
    }

    /// `20150830T123600Z`.
    package static func timestamp(_ seconds: Int) -> String {
        let date = CivilDate(daysSince1970: seconds / 86_400)
        let clock = seconds % 86_400
        func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
        return "\(date.year)\(two(date.month))\(two(date.day))T"
            + "\(two(clock / 3_600))\(two(clock / 60 % 60))\(two(clock % 60))Z"
    }
}
