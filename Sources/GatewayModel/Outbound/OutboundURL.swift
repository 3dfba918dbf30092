/// An `http` or `https` URL taken apart. Anything that two readers could read differently is refused: user names,
/// backslashes, control bytes, a port that is no number.
package struct OutboundURL: Sendable, Hashable {
    package static let bytesMax = 8 * 1024

    package let isTLS: Bool
    /// Lower case; without the brackets of an IPv6 address.
    package let host: String
    package let port: Int
    /// Path and query, as they go on the wire; never empty.
    package let target: String

    /// The value of `Host`: with the port only where it is not the scheme's own.
    package var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isTLS ? 443 : 80) ? name : "\(name):\(port)"
    }

    package init(_ text: String) throws(GatewayError) {
        guard text.utf8.count <= OutboundURL.bytesMax else {
            throw GatewayError(.invalidValue, "the URL is longer than \(OutboundURL.bytesMax) bytes")
        }
        guard text.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != 0x5C }) else {
            throw OutboundURL.problem("has bytes that must be percent-encoded", text)
        }
        guard let scheme = OutboundURL.scheme(text) else {
            throw OutboundURL.problem("does not start with http:// or https://", text)
        }
        isTLS = scheme.isTLS
        let rest = text.dropFirst(scheme.count)
        let end = rest.firstIndex { "/?#".contains($0) } ?? rest.endIndex
        (host, port) = try OutboundURL.authority(rest[..<end], isTLS: scheme.isTLS, text)
        let target = rest[end...].prefix { $0 != "#" }
        self.target = target.hasPrefix("/") ? String(target) : "/" + target
    }

    /// A path behind the path this URL has: `http://a/base` and `/v1/traces` make `http://a/base/v1/traces`.
    package static func join(_ base: String, _ path: String) -> String {
        (base.hasSuffix("/") ? String(base.dropLast()) : base) + path
    }

    private static func scheme(_ text: String) -> (isTLS: Bool, count: Int)? {
        let start = text.prefix(8).lowercased()
        if start == "https://" { return (true, 8) }
        return start.hasPrefix("http://") ? (false, 7) : nil
    }

    private static func authority(
        _ text: Substring, isTLS: Bool, _ url: String
    ) throws(GatewayError) -> (String, Int) {
        guard !text.contains("@") else { throw problem("names a user; send a field instead", url) }
        var host = text
        var number: Substring?
        if text.hasPrefix("[") {
            guard let close = text.firstIndex(of: "]") else { throw problem("has no closing bracket", url) }
            host = text[text.index(after: text.startIndex)..<close]
            let after = text[text.index(after: close)...]
            guard after.isEmpty || after.hasPrefix(":") else { throw problem("has no valid host", url) }
            if !after.isEmpty { number = after.dropFirst() }
            guard host.contains(":"), CIDR.addressBytes(String(host)) != nil else {
                throw problem("has no valid host", url)
            }
        } else {
            if let colon = text.firstIndex(of: ":") {
                host = text[..<colon]
                number = text[text.index(after: colon)...]
            }
            let name = host.lowercased()
            guard CIDR.addressBytes(name) != nil || NameSyntax.isSubdomain(name) else {
                throw problem("has no valid host", url)
            }
        }
        guard let number else { return (host.lowercased(), isTLS ? 443 : 80) }
        guard number.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let port = Int(number), (1...65_535) ~= port
        else { throw problem("has no valid port", url) }
        return (host.lowercased(), port)
    }

    private static func problem(_ what: String, _ url: String) -> GatewayError {
        // What stands before an @ may be a password.
        let shown = url.contains("@") ? "" : ": \(url.prefix(200))"
        return GatewayError(.invalidValue, "the URL \(what)\(shown)")
    }
}
