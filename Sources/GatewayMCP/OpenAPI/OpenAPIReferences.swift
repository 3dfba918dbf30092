import GatewayWire

/// Follows `$ref` within one document, and nowhere else: no file, no network.
struct OpenAPIReferences: Sendable {
    let root: JSONTree
    let stepsMax: Int
    /// By reference: looking through an object is linear, and large documents refer to thousands.
    private let components: [String: JSONTree]

    init(root: JSONTree, stepsMax: Int) {
        (self.root, self.stepsMax) = (root, stepsMax)
        var components: [String: JSONTree] = [:]
        for kind in root["components"]?.object?.members ?? [] {
            for member in kind.value.object?.members ?? [] {
                components["#/components/\(kind.name.value)/\(member.name.value)"] = member.value
            }
        }
        self.components = components
    }

    /// What a value refers to, or the value itself.
    func resolved(_ value: JSONTree) throws(OpenAPIProblem) -> JSONTree {
        var value = value
        for _ in 0...stepsMax {
            guard let reference = value["$ref"]?.string?.value else { return value }
            value = try target(reference)
        }
        throw OpenAPIProblem("a reference leads in a circle")
    }

    func target(_ reference: String) throws(OpenAPIProblem) -> JSONTree {
        if let component = components[reference] { return component }
        guard reference.hasPrefix("#/") else {
            throw OpenAPIProblem("a reference leads out of the document: \(reference.prefix(100))")
        }
        var value = root
        for part in reference.dropFirst(2).split(separator: "/", omittingEmptySubsequences: false) {
            guard let next = Self.step(value, Self.unescaped(part)) else {
                throw OpenAPIProblem("a reference leads nowhere: \(reference.prefix(100))")
            }
            value = next
        }
        return value
    }

    private static func step(_ value: JSONTree, _ name: String) -> JSONTree? {
        switch value {
        case .object(let object): object[name]
        case .array(let items): Int(name).flatMap { items.indices.contains($0) ? items[$0] : nil }
        default: nil
        }
    }

    /// Of a JSON pointer in a URL fragment (RFC 6901 sections 4 and 6).
    private static func unescaped(_ part: Substring) -> String {
        let text = part.contains("%") ? PercentEncoding.decoded(part) : String(part)
        return text.replacing("~1", with: "/").replacing("~0", with: "~")
    }
}

/// Percent-encoding of what goes into paths and queries (RFC 3986 section 2).
enum PercentEncoding {
    /// Everything but the unreserved characters; `keeping` also those.
    static func encoded(_ text: some StringProtocol, keeping: String = "") -> String {
        var out: [UInt8] = []
        out.reserveCapacity(text.utf8.count)
        for byte in text.utf8 {
            switch byte {
            case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, 0x2D, 0x2E, 0x5F, 0x7E: out.append(byte)
            case _ where keeping.utf8.contains(byte): out.append(byte)
            default:
                let digits = Array("0123456789ABCDEF".utf8)
                out += [0x25, digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: out, as: UTF8.self)
    }

    /// What is no visible ASCII is encoded; the rest stays as it is.
    static func visible(_ text: String) -> String {
        guard text.utf8.contains(where: { $0 < 0x21 || $0 > 0x7E }) else { return text }
        return encoded(text, keeping: String(decoding: Array(0x21...0x7E), as: UTF8.self))
    }

    /// A broken escape stays as it is written; `isForm`: a plus is a space.
    static func decoded(_ text: some StringProtocol, isForm: Bool = false) -> String {
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            if bytes[index] == 0x25, index + 2 < bytes.count, let high = digit(bytes[index + 1]),
                let low = digit(bytes[index + 2])
            {
                out.append(high << 4 | low)
                index += 3
                continue
            }
            out.append(isForm && bytes[index] == 0x2B ? 0x20 : bytes[index])
            index += 1
        }
        return String(decoding: out, as: UTF8.self)
    }

    private static func digit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 0x30...0x39: byte - 0x30
        case 0x41...0x46: byte - 0x37
        case 0x61...0x66: byte - 0x57
        default: nil
        }
    }
}
