import GatewayModel
import GatewayPolicy

/// Servers of tools and who may call them.
extension Analysis {
    mutating func check(_ server: MCPServer, _ object: GatewayObject) {
        let (http, api) = (server.spec.http, server.spec.openapi)
        let path = ConfigPath.spec[api == nil ? "http" : "openapi"]
        let tls = http?.tls ?? api?.tls
        if let credential = http?.credential ?? api?.credential {
            checkCredential(credential, at: path["credential"], object)
        }
        for (index, reference) in (tls?.caCertificateRefs ?? []).enumerated() {
            checkAuthority(reference, at: path["tls"]["caCertificateRefs"][index], object)
        }
        if let reference = tls?.clientCertificateRef {
            checkCertificate(
                reference, at: path["tls"]["clientCertificateRef"], object, reason: "InvalidClientCertificateRef")
        }
        checkInclusions(server, object)
        if set.objects(of: .toolAccessPolicy).isEmpty, !refused.contains(where: { $0.kind == "ToolAccessPolicy" }) {
            warn(
                .missingField, object, .spec, "nobody may use this server: there is no ToolAccessPolicy",
                hint: "add one that says who may call which of its tools")
        }
    }

    /// A selection is made of servers that are there, and not of other selections.
    private mutating func checkInclusions(_ server: MCPServer, _ object: GatewayObject) {
        guard let virtual = server.spec.virtual else { return }
        let servers = set.objects(of: .mcpServer).filter { other in
            guard case .mcpServer(let other) = other.content else { return false }
            return other.spec.virtual == nil
        }.map(\.metadata.shownName)
        for (index, inclusion) in virtual.include.enumerated()
        where !inclusion.server.contains("*") && !servers.contains(inclusion.server) {
            warn(
                .danglingReference, object, ConfigPath.spec["virtual"]["include"][index]["server"],
                "no MCPServer \"\(inclusion.server)\" that can be selected from",
                hint: NearestName.hint(inclusion.server, among: servers, word: "there is"))
        }
    }

    mutating func check(_ policy: ToolAccessPolicy, _ object: GatewayObject) {
        if let reference = policy.spec.approvals?.webhook?.signingSecret.secretRef {
            checkSecret(reference, at: ConfigPath.spec["approvals"]["webhook"]["signingSecret"]["secretRef"], object)
        }
        let servers = set.objects(of: .mcpServer).map(\.metadata.shownName)
        for (index, rule) in policy.spec.rules.enumerated() {
            let path = ConfigPath.spec["rules"][index]
            if let source = rule.when {
                do throws(CELError) {
                    _ = try ToolCallVariables.standard.condition(source)
                } catch {
                    report(
                        .invalidValue, object, path["when"],
                        "the condition, at \(error.line):\(error.column): \(error.message)",
                        hint: error.hint ?? "Documentation/Expressions.md has the language")
                }
            }
            // A pattern may wait for servers to come; a plain name that no server has was hardly meant.
            if !rule.server.contains("*"), !servers.isEmpty, !servers.contains(rule.server) {
                warn(
                    .danglingReference, object, path["server"], "no MCPServer \"\(rule.server)\"",
                    hint: NearestName.hint(rule.server, among: servers, word: "there is"))
            }
        }
    }

    mutating func check(_ policy: MCPToolPolicy, _ object: GatewayObject) {
        for (index, word) in (policy.spec.redact?.words ?? []).enumerated() {
            do throws(GatewayError) {
                _ = try BytePattern(word, isUsedOnce: true)
            } catch {
                report(
                    .invalidValue, object, ConfigPath.spec["redact"]["words"][index],
                    "not a regular expression, \(error.message)", hint: error.hint)
            }
        }
    }
}
