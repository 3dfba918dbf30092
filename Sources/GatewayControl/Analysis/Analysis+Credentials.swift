import GatewayModel

/// Credentials for upstreams: what they refer to, and where they would be seen on their way.
extension Analysis {
    /// What a provider or server is opened with must be there, and there for this object.
    mutating func checkCredential(_ credential: ModelCredential, at path: ConfigPath, _ object: GatewayObject) {
        if let reference = credential.secretRef { checkSecret(reference, at: path["secretRef"], object) }
        guard let reference = credential.sourceRef else { return }
        let target = ObjectKey(
            .credentialSource, namespace: reference.namespace ?? object.metadata.namespace, name: reference.name)
        _ = resolve(
            target, allowed: [.credentialSource], from: object, at: path["sourceRef"],
            missingReason: "InvalidSourceRef", kindReason: "InvalidKind")
    }

    mutating func check(_ source: CredentialSource, _ object: GatewayObject) {
        let path = ConfigPath.spec
        if let reference = source.spec.secretRef { checkSecret(reference, at: path["secretRef"], object) }
        for (at, place) in source.spec.secretPlaces {
            if let reference = place.secretRef { checkSecret(reference, at: at["secretRef"], object) }
        }
        for (index, reference) in source.spec.caCertificateRefs.enumerated() {
            checkAuthority(reference, at: path["caCertificateRefs"][index], object)
        }
        for (at, text) in source.spec.urls {
            guard let url = try? OutboundURL(text), !url.isTLS else { continue }
            let isLocal = url.host == "localhost" || url.host == "::1" || url.host.hasPrefix("127.")
            guard !isLocal else { continue }
            warn(
                .invalidValue, object, at, "secrets travel in clear to \(url.host)",
                hint: "write https://, unless the network between is yours")
        }
    }
}
