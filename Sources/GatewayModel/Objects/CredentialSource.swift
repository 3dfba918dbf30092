/// Where a credential for upstreams comes from, and how long it lives (sluice.dev/v1alpha1).
package struct CredentialSource: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: CredentialSourceSpec
}

package struct CredentialSourceSpec: ConfigObject, Hashable {
    package var env: String?
    package var file: String?
    package var secretRef: SecretKeyReference?
    package var vault: VaultCredential?
    package var clientCredentials: ClientCredentials?
    package var tokenExchange: ExchangedCredential?
    package var googleServiceAccount: GoogleCredential?
    package var awsWebIdentity: AWSCredential?
    package var federation: FederatedCredential?
    package var timeout: ConfigDuration
    package var caCertificateRefs: [ObjectReference]

    package init(_ fields: FieldReader) {
        env = fields.optional("env", "an environment variable of the gateway", .environmentVariable)
        file = fields.optional("file", "a file that holds it, relative to the configuration; watched", .nonEmpty)
        secretRef = fields.optional("secretRef", "a value of a Secret")
        vault = fields.optional("vault", "a secret of a Vault server")
        clientCredentials = fields.optional(
            "clientCredentials", "a token of an OAuth server, for the gateway itself (RFC 6749 section 4.4)")
        tokenExchange = fields.optional(
            "tokenExchange", "a token of an OAuth server, in exchange for another (RFC 8693)")
        googleServiceAccount = fields.optional("googleServiceAccount", "a token of a Google service account")
        awsWebIdentity = fields.optional(
            "awsWebIdentity", "keys of an AWS role that sign requests (AssumeRoleWithWebIdentity, SigV4)")
        federation = fields.optional(
            "federation", "a token of a vendor of models, in exchange for one that the gateway signs")
        timeout = fields.value(
            "timeout", default: ConfigDuration(milliseconds: 10_000), shown: .text("10s"),
            "how long getting it may take in all, at most 1m",
            FieldRule { (100...60_000).contains($0.milliseconds) ? nil : "must be between 100ms and 1m" })
        caCertificateRefs = fields.list(
            "caCertificateRefs", "who vouches for its server, in place of the system's authorities", count: 0...8)
        let given = CredentialSourceSpec.kinds.filter { fields.has($0) }
        fields.check(
            !given.isEmpty, .missingField, "missing field \"env\"",
            hint: "say where the credential comes from: \(CredentialSourceSpec.kinds.joined(separator: ", "))")
        fields.check(
            given.count <= 1, at: given.dropFirst().first,
            "\(given.dropFirst().first ?? "") beside \(given.first ?? "")", hint: "set one of them")
        fields.check(
            caCertificateRefs.isEmpty || !(fields.has("env") || fields.has("file") || fields.has("secretRef")),
            at: "caCertificateRefs", "caCertificateRefs where nothing is fetched", hint: "remove it")
    }

    private static let kinds = [
        "env", "file", "secretRef", "vault", "clientCredentials", "tokenExchange", "googleServiceAccount",
        "awsWebIdentity", "federation",
    ]

    /// As statuses and tables name it.
    package var kind: String {
        if vault != nil { return "vault" }
        if clientCredentials != nil { return "clientCredentials" }
        if tokenExchange != nil { return "tokenExchange" }
        if googleServiceAccount != nil { return "googleServiceAccount" }
        if awsWebIdentity != nil { return "awsWebIdentity" }
        if federation != nil { return "federation" }
        return env != nil ? "env" : file != nil ? "file" : "secretRef"
    }

    /// Whether it is a token, which goes into `Authorization`, whatever field a vendor's keys are sent in.
    package var isToken: Bool {
        clientCredentials != nil || tokenExchange != nil || googleServiceAccount != nil || federation != nil
    }

    /// Places of secrets that it needs, with the path of each below `spec`.
    package var secretPlaces: [(path: ConfigPath, place: SecretPlace)] {
        let spec = ConfigPath.spec
        var places: [(ConfigPath, SecretPlace?)] = []
        if let client = clientCredentials?.client {
            places.append((spec["clientCredentials"]["clientSecret"], client.secret))
            places.append((spec["clientCredentials"]["privateKey"], client.privateKey))
        }
        if let client = tokenExchange?.client {
            places.append((spec["tokenExchange"]["clientSecret"], client.secret))
            places.append((spec["tokenExchange"]["privateKey"], client.privateKey))
        }
        places.append((spec["vault"]["auth"]["token"], vault?.auth.token))
        places.append((spec["vault"]["auth"]["appRole"]["secretID"], vault?.auth.appRole?.secretID))
        places.append((spec["googleServiceAccount"]["key"], googleServiceAccount?.key))
        return places.compactMap { path, place in place.map { (path, $0) } }
    }

    /// Where it is fetched from, with the path of each below `spec`.
    package var urls: [(path: ConfigPath, url: String)] {
        let spec = ConfigPath.spec
        let all: [(ConfigPath, String?)] = [
            (spec["vault"]["address"], vault?.address),
            (spec["clientCredentials"]["tokenURL"], clientCredentials?.client.tokenURL),
            (spec["tokenExchange"]["tokenURL"], tokenExchange?.client.tokenURL),
            (spec["googleServiceAccount"]["tokenURL"], googleServiceAccount?.tokenURL),
            (spec["awsWebIdentity"]["stsURL"], awsWebIdentity?.stsURL),
            (spec["federation"]["tokenURL"], federation?.tokenURL),
        ]
        return all.compactMap { path, url in url.map { (path, $0) } }
    }
}

/// A CredentialSource that another object uses.
package struct CredentialSourceReference: ConfigObject, Hashable {
    package var name: String
    package var namespace: String?

    package init(_ fields: FieldReader) {
        name = fields.required("name", "the CredentialSource's name", .nonEmpty)
        namespace = fields.optional(
            "namespace", "the CredentialSource's namespace; needs a ReferenceGrant there", .label)
    }
}
