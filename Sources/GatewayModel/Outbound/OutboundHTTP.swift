/// How rooms below the proxy speak HTTP to somebody else (a collector, a key server, a webhook) without knowing a
/// socket: the runtime hands them this, made of the gateway's own upstream path. Redirects are not followed.
package struct OutboundHTTP: Sendable {
    /// Throws `GatewayError`, or `CancellationError` when the calling task is cancelled, which ends the request too.
    package var send: @Sendable (OutboundRequest) async throws -> OutboundResponse

    package init(send: @escaping @Sendable (OutboundRequest) async throws -> OutboundResponse) { self.send = send }
}

/// A field of an outbound message; names of answers are lower case.
package struct OutboundField: Sendable, Hashable {
    package var name: String
    package var value: String

    package init(_ name: String, _ value: String) {
        self.name = name
        self.value = value
    }
}

/// A whole request of our own.
package struct OutboundRequest: Sendable {
    /// Whom a certificate must come from.
    package enum Trust: Sendable, Hashable {
        case system
        /// Certificates as PEM; the system's are then not believed.
        case authorities([UInt8])
    }

    /// Where the request may lead.
    package enum Reach: Sendable, Hashable {
        /// The operator wrote the URL: anywhere.
        case configured
        /// A caller has a say in the URL: public addresses, and these blocks (`10.1.0.0/16`).
        case guarded(allowing: [String])
        /// Public and private addresses and this machine, but no metadata service of a cloud, nor what is no host's.
        case hosts
    }

    package var method: String
    package var url: String
    package var fields: [OutboundField]
    package var body: [UInt8]
    /// From the call to the last byte of the answer.
    package var timeoutMilliseconds: Int
    /// A longer answer is an error.
    package var responseBytesMax: Int
    package var trust: Trust
    package var reach: Reach

    package init(
        _ method: String, _ url: String, fields: [OutboundField] = [], body: [UInt8] = [],
        timeoutMilliseconds: Int = 10_000, responseBytesMax: Int = 1 << 20, trust: Trust = .system,
        reach: Reach = .configured
    ) {
        self.method = method
        self.url = url
        self.fields = fields
        self.body = body
        self.timeoutMilliseconds = timeoutMilliseconds
        self.responseBytesMax = responseBytesMax
        self.trust = trust
        self.reach = reach
    }
}

/// A whole answer, whatever its status.
package struct OutboundResponse: Sendable, Equatable {
    package var status: Int
    package var fields: [OutboundField]
    package var body: [UInt8]

    package init(status: Int, fields: [OutboundField] = [], body: [UInt8] = []) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// The first field of that lower-case name.
    package func value(_ name: String) -> String? { fields.first { $0.name == name }?.value }
}
