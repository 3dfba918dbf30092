import GatewayModel
package import GatewayWire

extension Principal {
    /// Every field that a description can have.
    package static let describedFields: Set<String> = [
        "proof", "user", "agent", "instance", "tenant", "team", "run", "session", "sandbox", "issuer", "credential",
        "grant", "groups", "scopes", "models", "tools", "budget", "delegation", "expiresInSeconds", "boundTo",
        "provenBy",
    ]

    /// Who it is, what it may, and how each name was proven: what `sluice whoami` shows.
    package func description(nowSeconds: Int) -> JSONTree {
        var object: JSONObject = ["proof": .text(proof.rawValue)]
        let names: [(String, String?)] = [
            ("user", user), ("agent", agent), ("instance", instance), ("tenant", tenant), ("team", team), ("run", run),
            ("session", session), ("sandbox", sandbox), ("issuer", issuer), ("credential", credentialID),
            ("grant", detail?.grantID),
        ]
        for (name, value) in names { object[name] = value.map { JSONTree.text($0) } }
        let lists: [(String, [String])] = [
            ("groups", groups), ("scopes", scopes), ("models", KeyGrant.texts(grant?.models)),
            ("tools", KeyGrant.texts(grant?.tools)), ("budget", KeyGrant.texts(grant?.limits)),
        ]
        for (name, values) in lists where !values.isEmpty { object[name] = .array(values.map { JSONTree.text($0) }) }
        if !delegation.isEmpty {
            object["delegation"] = .array(
                delegation.map { delegate in
                    var actor: JSONObject = ["subject": .text(delegate.subject)]
                    actor["issuer"] = delegate.issuer.map { .text($0) }
                    return .object(actor)
                })
        }
        if let end = detail?.expiresSeconds { object["expiresInSeconds"] = .integer(max(0, end - nowSeconds)) }
        switch detail?.confirmation {
        case .proofKey: object["boundTo"] = "a key (DPoP)"
        case .certificate: object["boundTo"] = "a client certificate"
        case nil: break
        }
        if let proven = detail?.proven, !proven.isEmpty {
            var by = JSONObject()
            for name in proven { by[name.name] = .text(name.by) }
            object["provenBy"] = .object(by)
        }
        return .object(object)
    }
}

extension KeyGrant {
    /// As they are written.
    static func texts(_ values: [some CustomStringConvertible]?) -> [String] { (values ?? []).map(\.description) }
}
