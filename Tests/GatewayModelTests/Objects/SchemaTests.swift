import Testing

@testable import GatewayModel

@Suite("The JSON Schema comes from the declarations that decoding runs on")
struct SchemaTests {
    @Test(arguments: ObjectKind.allCases)
    func everyKindHasOne(_ kind: ObjectKind) {
        let schema = kind.jsonSchema
        #expect(schema["$schema"]?.string == "https://json-schema.org/draft/2020-12/schema")
        #expect(schema["properties"]?["kind"]?["const"]?.string == kind.rawValue)
        #expect(schema["properties"]?["metadata"]?["properties"]?["name"] != nil)
        #expect(schema["additionalProperties"]?.value == .bool(false))
        #expect(schema["required"]?.elements?.contains(.text("metadata")) == true)
    }

    /// The field names under `spec`, and the ones of some inner objects, in the order of declaration.
    static let golden: [(ObjectKind, [String], [String])] = [
        (.httpRoute, [], ["parentRefs", "hostnames", "rules", "useDefaultGateways"]),
        (
            .httpRoute, ["rules"],
            ["name", "matches", "filters", "backendRefs", "timeouts", "retry", "sessionPersistence"]
        ),
        (.httpRoute, ["rules", "matches"], ["path", "headers", "queryParams", "method"]),
        (
            .httpRoute, ["rules", "filters"],
            [
                "type", "requestHeaderModifier", "responseHeaderModifier", "requestMirror", "requestRedirect",
                "urlRewrite", "extensionRef", "cors", "externalAuth",
            ]
        ),
        (
            .httpRoute, ["rules", "backendRefs"],
            ["group", "kind", "name", "namespace", "port", "weight", "filters"]
        ),
        (
            .gateway, [],
            [
                "gatewayClassName", "listeners", "addresses", "infrastructure", "allowedListeners", "tls",
                "defaultScope",
            ]
        ),
        (.gateway, ["listeners"], ["name", "hostname", "port", "protocol", "tls", "allowedRoutes"]),
        (.referenceGrant, [], ["from", "to"]),
        (.backend, [], ["endpoints", "protocol", "tls", "healthCheck"]),
        (.backend, ["endpoints"], ["host", "port", "weight"]),
        (
            .trafficPolicy, [],
            [
                "targetRefs", "timeouts", "retry", "loadBalancing", "circuitBreaker", "outlierDetection", "hedging",
                "rateLimits", "concurrency", "limits", "cors", "ipAccess", "compression", "cache", "authentication",
            ]
        ),
        (
            .listenerPolicy, [],
            [
                "targetRefs", "trustedHops", "proxyProtocol", "http2", "tls", "halfClose", "connectionsMax",
                "headTimeout", "idleTimeout",
            ]
        ),
        (
            .identityProvider, [],
            ["type", "apiKeys", "clientCertificate", "oidc", "jwt", "spiffe", "introspection", "claims"]
        ),
        (.directResponse, [], ["status", "headers", "body"]),
        (
            .modelProvider, [],
            [
                "dialect", "baseURL", "credential", "organization", "headers", "query", "forwardHeaders",
                "anthropicBeta", "tls", "timeouts", "cooldown", "limits", "models", "prompts", "skills",
            ]
        ),
        (.modelCatalog, [], ["models", "unknownPrice", "unknownPriceRate"]),
        (
            .modelCatalog, ["models"],
            [
                "name", "aliases", "targets", "strategy", "price", "context", "capabilities", "retry", "fallback",
                "timeouts", "cache", "onDisconnect", "strict", "visibility", "ownedBy",
            ]
        ),
        (
            .modelCatalog, ["models", "targets"],
            ["provider", "namespace", "model", "stripPrefix", "weight", "priority", "when", "price"]
        ),
        (
            .modelCatalog, ["models", "price"],
            [
                "input", "output", "cacheRead", "cacheWrite5m", "cacheWrite1h", "reasoning", "audioInput",
                "audioOutput", "perRequest", "tiers",
            ]
        ),
        (.modelAccessPolicy, [], ["effect", "subjects", "models", "operations", "when", "limits"]),
        (
            .budgetPolicy, [],
            [
                "scope", "subjects", "models", "tools", "limits", "onUnknownPrice", "estimate", "onStoreFailure",
                "shadow",
            ]
        ),
    ]

    @Test(arguments: golden)
    func names(_ kind: ObjectKind, _ path: [String], _ expected: [String]) {
        var node = kind.jsonSchema["properties"]?["spec"]
        for name in path {
            node = node?["properties"]?[name]
            node = node?["items"] ?? node
        }
        #expect(node?["properties"]?.fields?.map(\.key) == expected)
    }

    @Test func constraintsAreIn() {
        let port = ObjectKind.gateway.jsonSchema["properties"]?["spec"]?["properties"]?["listeners"]?["items"]?[
            "properties"]?["port"]
        #expect(port?["type"]?.string == "integer")
        #expect(port?["minimum"] == .integer(1))
        #expect(port?["maximum"] == .integer(65535))
        #expect(port?["description"]?.string == "the port to listen on")
        let type = ObjectKind.identityProvider.jsonSchema["properties"]?["spec"]?["properties"]?["type"]
        let names = ["APIKey", "ClientCertificate", "OIDC", "JWT", "SPIFFE", "Introspection"]
        #expect(type?["enum"] == .list(names.map { .text($0) }))
        let credential = ObjectKind.modelProvider.jsonSchema["properties"]?["spec"]?["properties"]?["credential"]
        #expect(credential?["anyOf"]?.elements?.count == 2)
    }

    @Test func oneSchemaHoldsAllKinds() {
        let schema = ObjectKind.editorSchema
        #expect(schema["$defs"]?.fields?.map(\.key) == ObjectKind.allCases.map(\.rawValue))
        #expect(schema["allOf"]?.elements?.count == ObjectKind.allCases.count)
        let first = schema["allOf"]?.elements?.first
        #expect(first?["if"]?["properties"]?["kind"]?["const"]?.string == "GatewayClass")
        #expect(first?["then"]?["$ref"]?.string == "#/$defs/GatewayClass")
    }
}
