import GatewayModel
import GatewayPolicy

/// Identity providers: what they refer to, and expressions that must be some.
extension Analysis {
    /// What leads a route to the gateway's own token service; there is no object of this kind.
    package static let tokenServiceKind = "TokenService"

    mutating func check(_ provider: IdentityProvider, _ object: GatewayObject) {
        if let reference = provider.spec.apiKeys?.secretRef {
            let target = ObjectKey(
                group: reference.group, kind: reference.kind,
                namespace: reference.namespace ?? object.metadata.namespace, name: reference.name)
            _ = resolve(
                target, allowed: [.secret], from: object, at: ConfigPath.spec["apiKeys"]["secretRef"],
                missingReason: "InvalidSecretRef", kindReason: "InvalidKind")
        }
        if let issuer = provider.spec.oidc { check(issuer, object) }
        check(provider.spec.jwt?.jwks, at: ConfigPath.spec["jwt"]["jwks"], object)
        check(provider.spec.spiffe?.bundle, at: ConfigPath.spec["spiffe"]["bundle"], object)
        if let server = provider.spec.introspection { check(server, object) }
        for (name, source) in (provider.spec.claims?.expressions ?? [:]).sorted(by: { $0.key < $1.key }) {
            guard let problem = ClaimMapping.problem(source) else { continue }
            report(
                .invalidValue, object, ConfigPath.spec["claims"][name], "not an expression: \(problem)",
                hint: "the variable is claims, such as claims.email or claims.org.id")
        }
    }

    private mutating func check(_ issuer: OIDCIssuer, _ object: GatewayObject) {
        let path = ConfigPath.spec["oidc"]
        for (index, reference) in issuer.caCertificateRefs.enumerated() {
            checkAuthority(reference, at: path["caCertificateRefs"][index], object)
        }
        warnIfClear(issuer.issuer, at: path["issuer"], "keys travel in clear from", object)
    }

    private mutating func check(_ server: IntrospectionEndpoint, _ object: GatewayObject) {
        let path = ConfigPath.spec["introspection"]
        if let reference = server.clientSecret.secretRef {
            let target = ObjectKey(
                group: reference.group, kind: reference.kind,
                namespace: reference.namespace ?? object.metadata.namespace, name: reference.name)
            _ = resolve(
                target, allowed: [.secret], from: object, at: path["clientSecret"]["secretRef"],
                missingReason: "InvalidSecretRef", kindReason: "InvalidKind")
        }
        for (index, reference) in server.caCertificateRefs.enumerated() {
            checkAuthority(reference, at: path["caCertificateRefs"][index], object)
        }
        warnIfClear(server.url, at: path["url"], "tokens travel in clear to", object)
    }

    private mutating func check(_ source: KeySetSource?, at path: ConfigPath, _ object: GatewayObject) {
        guard let reference = source?.configMapRef else { return }
        let key = ObjectKey(.configMap, namespace: object.metadata.namespace, name: reference.name)
        guard exists(key) else {
            report(
                .danglingReference, object, path["configMapRef"], "no ConfigMap \"\(reference.name)\"",
                hint: hintForMissing(key), reason: "InvalidConfigMapRef")
            return
        }
    }

    private mutating func warnIfClear(_ text: String, at path: ConfigPath, _ what: String, _ object: GatewayObject) {
        guard let url = try? OutboundURL(text), !url.isTLS else { return }
        let isLocal = url.host == "localhost" || url.host == "::1" || url.host.hasPrefix("127.")
        if !isLocal {
            warn(
                .invalidValue, object, path, "\(what) \(url.host)",
                hint: "write https://, unless the network between is yours")
        }
    }
}
