package import NIOSSL

/// The certificates of a port, by server name.
package struct TLSPort: Sendable {
    package struct Entry: Sendable {
        /// Lower case; empty for the default; may start with `*.`.
        package var hostname: String
        package var context: NIOSSLContext
        package init(hostname: String, context: NIOSSLContext) {
            self.hostname = hostname
            self.context = context
        }
    }
    package var entries: [Entry]
    package init(entries: [Entry]) { self.entries = entries }

    /// The context for a server name: exact, then the longest wildcard, then the default; nil refuses the handshake.
    package func context(serverName: String) -> NIOSSLContext? {
        var best: (length: Int, context: NIOSSLContext)?
        for entry in entries {
            if entry.hostname == serverName { return entry.context }
            let length: Int
            if entry.hostname.isEmpty {
                length = 0
            } else if entry.hostname.hasPrefix("*."), serverName.hasSuffix(entry.hostname.dropFirst()),
                serverName.utf8.count > entry.hostname.utf8.count - 1
            {
                length = entry.hostname.utf8.count
            } else {
                continue
            }
            if length >= (best?.length ?? -1) { best = (length, entry.context) }
        }
        return best?.context
    }
}
