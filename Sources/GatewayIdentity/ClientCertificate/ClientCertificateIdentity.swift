package import GatewayModel

/// Turns the names in a verified client certificate into a principal. The TLS layer has checked the chain; only
/// names come here.
package struct ClientCertificateIdentity: Sendable {
    /// What a certificate says of its holder.
    package struct Names: Sendable, Equatable {
        /// RFC 4514 text, most specific part first: `CN=builder,OU=ci,O=acme`.
        package var subject: String
        package var dnsNames: [String]
        package var uris: [String]
        package var emails: [String]

        package init(subject: String = "", dnsNames: [String] = [], uris: [String] = [], emails: [String] = []) {
            self.subject = subject
            self.dnsNames = dnsNames
            self.uris = uris
            self.emails = emails
        }
    }

    /// Which name becomes the user.
    package enum UserSource: String, Sendable, CaseIterable {
        case commonName, uri, email, dns
    }

    static let nameBytesMax = 1_024
    package var user: UserSource
    /// For workloads of a SPIFFE trust domain: what their id begins with. The certificate then names an agent.
    package var trustDomainPrefix: String?

    package init(user: UserSource = .commonName) { self.user = user }

    /// The principal: `O` is the tenant, each `OU` a group, a SPIFFE id (SPIFFE-ID section 2) the agent. Throws
    /// `unauthenticated` when the name that makes the user is missing, given twice, or malformed.
    package func principal(_ names: Names) throws(GatewayError) -> Principal {
        let parts = try DistinguishedName.parse(names.subject)
        let commonName = try single(parts.filter { $0.type == "CN" }.map(\.value), "common name")
        let spiffe = try single(names.uris.filter { $0.hasPrefix("spiffe://") }, "SPIFFE id")
        if let trustDomainPrefix { return try workload(spiffe, names, of: trustDomainPrefix) }
        let user: String?
        switch self.user {
        case .commonName: user = commonName ?? spiffe
        case .uri: user = try single(names.uris, "URI")
        case .email: user = try single(names.emails, "email address")
        case .dns: user = try single(names.dnsNames, "DNS name")
        }
        guard let user, !user.isEmpty else {
            throw GatewayError(.unauthenticated, "the client certificate has no \(self.user.rawValue) to name its user")
        }
        let id = names.subject.isEmpty ? user : names.subject
        return Principal(
            proof: .clientCertificate, tenant: try single(parts.filter { $0.type == "O" }.map(\.value), "organization"),
            user: user, agent: spiffe, groups: parts.filter { $0.type == "OU" }.map(\.value),
            credentialID: StandardClaims.foreign(id) ?? "SAN=\(id)")
    }

    /// X.509-SVID section 2: exactly one URI, and it is the id.
    private func workload(_ id: String?, _ names: Names, of domain: String) throws(GatewayError) -> Principal {
        guard let id, names.uris.count == 1, id.utf8.starts(with: domain.utf8), id.utf8.count > domain.utf8.count else {
            throw GatewayError(
                .unauthenticated, "the client certificate is of no workload of \(domain)",
                hint: "show an X.509-SVID of that trust domain")
        }
        return Principal(
            proof: .workload, agent: id, credentialID: id,
            detail: PrincipalDetail(
                issuer: String(domain.dropLast()), proven: [ProvenName("agent", by: "certificate of \(domain)")]))
    }

    /// Two different names of one kind would let the order in a certificate choose the identity.
    private func single(_ values: [String], _ kind: String) throws(GatewayError) -> String? {
        guard let first = values.first else { return nil }
        guard values.allSatisfy({ $0 == first }) else {
            throw GatewayError(.unauthenticated, "the client certificate has more than one \(kind)")
        }
        guard first.utf8.count <= ClientCertificateIdentity.nameBytesMax,
            first.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
        else {
            throw GatewayError(.unauthenticated, "the client certificate has a malformed \(kind)")
        }
        return first
    }
}
