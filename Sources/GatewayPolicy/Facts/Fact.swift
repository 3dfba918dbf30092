package import GatewayModel

/// A reference to one thing known of a request, parsed once when a snapshot is compiled: the keys of rate and
/// concurrency limits, and later the inputs of rules.
package enum Fact: Sendable, Hashable {
    case clientIP
    case method, host, path
    /// A field by its lower-case name.
    case header([UInt8])
    /// A query parameter by its name as sent, undecoded.
    case query([UInt8])
    /// A cookie by its name.
    case cookie([UInt8])
    case user, tenant, agent, credential, groups
    case listener, route

    private static let plain: [(name: String, fact: Fact)] = [
        ("client.ip", .clientIP),
        ("request.method", .method), ("request.host", .host), ("request.path", .path),
        ("principal.user", .user), ("principal.tenant", .tenant), ("principal.agent", .agent),
        ("principal.credential", .credential), ("principal.groups", .groups),
        ("listener", .listener), ("route", .route),
    ]
    private static let headerPrefix = "request.header."
    private static let queryPrefix = "request.query."
    private static let cookiePrefix = "request.cookie."

    /// Every spelling, for errors and documentation.
    package static let spellings: [String] =
        plain.map(\.name) + [headerPrefix + "NAME", queryPrefix + "NAME", cookiePrefix + "NAME"]

    /// Longest name of a field or parameter in a reference.
    package static let nameBytesMax = 128

    /// Parses a reference such as `principal.user` or `request.header.x-team`. Throws `invalidValue` with the
    /// nearest valid name.
    package init(parsing text: String) throws(GatewayError) {
        if let known = Fact.plain.first(where: { $0.name == text }) {
            self = known.fact
            return
        }
        if text.hasPrefix(Fact.headerPrefix) {
            let name = text.dropFirst(Fact.headerPrefix.count).lowercased()
            guard Fact.isName(name, Fact.isTokenByte) else {
                throw GatewayError(.invalidValue, "a field name is missing or malformed in the fact \(text)")
            }
            self = .header(Array(name.utf8))
            return
        }
        if text.hasPrefix(Fact.queryPrefix) {
            let name = String(text.dropFirst(Fact.queryPrefix.count))
            guard Fact.isName(name, Fact.isQueryNameByte) else {
                throw GatewayError(.invalidValue, "a parameter name is missing or malformed in the fact \(text)")
            }
            self = .query(Array(name.utf8))
            return
        }
        if text.hasPrefix(Fact.cookiePrefix) {
            let name = String(text.dropFirst(Fact.cookiePrefix.count))
            guard Fact.isName(name, Fact.isTokenByte) else {
                throw GatewayError(.invalidValue, "a cookie name is missing or malformed in the fact \(text)")
            }
            self = .cookie(Array(name.utf8))
            return
        }
        throw GatewayError(.invalidValue, "there is no fact named \(text)", hint: Fact.suggestion(for: text))
    }

    /// The reference as it is written in configuration.
    package var text: String {
        switch self {
        case .header(let name): Fact.headerPrefix + String(decoding: name, as: UTF8.self)
        case .query(let name): Fact.queryPrefix + String(decoding: name, as: UTF8.self)
        case .cookie(let name): Fact.cookiePrefix + String(decoding: name, as: UTF8.self)
        default: Fact.plain.first { $0.fact == self }?.name ?? ""
        }
    }

    private static func isName(_ name: String, _ isAllowed: (UInt8) -> Bool) -> Bool {
        !name.isEmpty && name.utf8.count <= nameBytesMax && name.utf8.allSatisfy(isAllowed)
    }

    /// RFC 9110 section 5.6.2.
    private static func isTokenByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x21, 0x23...0x27, 0x2A, 0x2B, 0x2D, 0x2E, 0x5E...0x60, 0x7C, 0x7E: true
        default: false
        }
    }

    private static func isQueryNameByte(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && byte != 0x26 && byte != 0x3D && byte != 0x23
    }

    private static func suggestion(for text: String) -> String {
        let wanted = Array(text.lowercased().utf8.prefix(64))
        var best = spellings[0]
        var distance = Int.max
        for spelling in spellings {
            let cost = EditDistance.between(wanted, Array(spelling.utf8))
            if cost < distance { (best, distance) = (spelling, cost) }
        }
        return distance <= max(3, wanted.count / 2)
            ? "did you mean \(best)?" : "one of \(spellings.joined(separator: ", "))"
    }
}
