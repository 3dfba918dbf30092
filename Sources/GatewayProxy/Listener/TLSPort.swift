package import NIOSSL

/// The certificates of a port, by server name.
package struct TLSPort: Sendable {
    package struct Entry: Sendable {
        /// Of the listener that owns the certificate: lower case; empty for any; may start with `*.`.
        package var listener: String
        /// The names the certificate is for, in the same form.
        package var hostname: String
        package var context: NIOSSLContext
        /// Set where a client is let in whatever certificate it shows.
        package var fallback: ClientTrust?

        package init(listener: String, hostname: String, context: NIOSSLContext, fallback: ClientTrust? = nil) {
            self.fallback = fallback
            self.listener = listener
            self.hostname = hostname
            self.context = context
        }
    }
    package var entries: [Entry]
    package init(entries: [Entry]) { self.entries = entries }

    /// The certificate for a server name; nil refuses the handshake. First the listener is chosen, as the router will
    /// choose it for the request (exact, longest wildcard, any), so that its demands on clients hold; then its
    /// certificate in the same way.
    package func entry(serverName: String) -> Entry? {
        var best: (listener: Int, name: Int, entry: Entry)?
        for entry in entries {
            guard let listener = Self.closeness(of: entry.listener, to: serverName),
                let name = Self.closeness(of: entry.hostname, to: serverName)
            else { continue }
            if let best, (listener, name) <= (best.listener, best.name) { continue }
            best = (listener, name, entry)
        }
        return best?.entry
    }

    /// How closely a pattern fits a name; nil if it does not.
    private static func closeness(of pattern: String, to name: String) -> Int? {
        if pattern.isEmpty { return 0 }
        if pattern == name { return .max }
        guard pattern.hasPrefix("*."), name.hasSuffix(pattern.dropFirst()), name.utf8.count >= pattern.utf8.count else {
            return nil
        }
        return pattern.utf8.count
    }
}
