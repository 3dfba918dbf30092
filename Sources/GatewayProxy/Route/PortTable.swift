/// What one listening port serves: its listeners (possibly several, told apart by hostname), their routes and keys.
package final class PortTable: Sendable {
    /// The number the configuration gives: the routing key.
    package let port: Int
    /// What the socket is bound to; the same but in tests, where 0 lets the kernel choose.
    package let bindPort: Int
    package let isTLS: Bool
    package let settings: PortSettings
    package let listeners: [CompiledListener]
    package let tls: TLSPort?
    package let router: Router

    package init(
        port: Int, bindPort: Int? = nil, isTLS: Bool, settings: PortSettings, listeners: [CompiledListener],
        tls: TLSPort?, router: Router
    ) {
        self.port = port
        self.bindPort = bindPort ?? port
        self.isTLS = isTLS
        self.settings = settings
        self.listeners = listeners
        self.tls = tls
        self.router = router
    }
}

/// A listener of a Gateway.
package struct CompiledListener: Sendable {
    /// `namespace/gateway/listener`, for records.
    package var name: String
    /// Lower case; empty for any; may start with `*.`.
    package var hostname: String

    package init(name: String, hostname: String) {
        self.name = name
        self.hostname = hostname
    }
}
