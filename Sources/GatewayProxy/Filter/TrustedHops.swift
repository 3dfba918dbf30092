import GatewayRecords
import GatewayWire

/// What a proxy before us says of the client, believed as far as the port's settings go.
extension Exchange {
    /// Takes over the client's address from a trusted peer. Part of *accept*, so that everything after it (access
    /// lists, rate limits, records) means the same client.
    func believeForwardedAddress() {
        guard let peer = client.ip,
            let settings = worker.currentSnapshot().table(port: client.port.number)?.settings
        else { return }
        let trust = ForwardedTrust(hops: settings.trustedHops, sources: settings.trustedSources)
        let address = trust.client(peer: peer, fields: request.fields)
        guard address != peer.unmapped else { return }
        clientIP = address
        record.clientAddress = address.text
    }

    /// Whether the client speaks TLS: to us, or to the trusted proxy before us.
    var isSecure: Bool {
        guard client.isTrusted, let entry = request.fields.first(.xForwardedProto) else { return client.port.isTLS }
        if request.fields.says(entry.value, "https") { return true }
        return request.fields.says(entry.value, "http") ? false : client.port.isTLS
    }

    /// The port the client connected to: ours, or that of the trusted proxy before us.
    var askedPort: Int {
        guard client.isTrusted else { return client.port.number }
        if let entry = request.fields.first(.xForwardedPort), let port = Int(request.fields.text(entry.value)),
            (1...65535).contains(port)
        {
            return port
        }
        return isSecure == client.port.isTLS ? client.port.number : isSecure ? 443 : 80
    }
}
