package import GatewayModel

/// A URL taken apart and nothing more: the target goes out as it is written, because what a gateway
/// makes of odd targets is what the workbench asks.
package struct CallTarget: Sendable, Hashable, CustomStringConvertible {
    package enum Scheme: String, Sendable { case http, https, ws, wss }

    package var scheme: Scheme
    package var host: String
    package var port: Int
    /// Path and query, `/` when the URL has none.
    package var target: String

    package init(_ url: String) throws(GatewayError) {
        guard let colon = url.range(of: "://"), let scheme = Scheme(rawValue: url[..<colon.lowerBound].lowercased())
        else { throw GatewayError(.usage, "URL needs http, https, ws or wss: \(url)") }
        let rest = url[colon.upperBound...]
        let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
        let target = rest.dropFirst(authority.count).prefix { $0 != "#" }
        self.scheme = scheme
        self.target = target.isEmpty ? "/" : target.first == "?" ? "/" + target : String(target)
        guard let (host, port) = splitAuthority(authority) else {
            throw GatewayError(.usage, "URL has no usable authority: \(url)")
        }
        self.host = host
        self.port = port ?? (scheme == .https || scheme == .wss ? 443 : 80)
    }

    package var isSecure: Bool { scheme == .https || scheme == .wss }

    /// What `Host` says: without the port where it is the scheme's own.
    package var authority: String {
        let name = host.contains(":") ? "[\(host)]" : host
        return port == (isSecure ? 443 : 80) ? name : "\(name):\(port)"
    }

    package var description: String { "\(scheme.rawValue)://\(authority)\(target)" }
}

extension String {
    /// The first place a short text stands at; Foundation is not needed for this.
    func range(of needle: String) -> Range<String.Index>? {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix(needle) {
                return index..<self.index(index, offsetBy: needle.count)
            }
            index = self.index(after: index)
        }
        return nil
    }
}

/// `host`, `host:port`, `[v6]`, `[v6]:port`.
func splitAuthority(_ text: Substring) -> (String, Int?)? {
    var host = text
    var port: Int?
    if text.first == "[" {
        guard let end = text.firstIndex(of: "]") else { return nil }
        host = text[text.index(after: text.startIndex)..<end]
        let rest = text[text.index(after: end)...]
        if !rest.isEmpty {
            guard rest.first == ":", let number = Int(rest.dropFirst()) else { return nil }
            port = number
        }
    } else if let colon = text.lastIndex(of: ":") {
        host = text[..<colon]
        guard let number = Int(text[text.index(after: colon)...]) else { return nil }
        port = number
    }
    guard !host.isEmpty, port.map({ (1...65535) ~= $0 }) ?? true else { return nil }
    return (String(host), port)
}
