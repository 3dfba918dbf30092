import GatewayModel
import GatewayRuntime
import Testing

/// What routes may refer to, and what becomes of those that may not. Each test is named by the upstream ShortName.
@Suite(
    "HTTPRoute conformance: references", .enabled(if: Manifests.areThere, "no conformance manifests in ../shared/data"),
    .timeLimit(.minutes(1)))
struct HTTPRouteReferenceTests {
    private let v1 = Conformance.v1
    private let v2 = Conformance.v2
    private let v3 = Conformance.v3

    private func expect(
        _ edge: Edge, _ route: String, _ type: String, _ isTrue: Bool, _ reason: String? = nil,
        sourceLocation: SourceLocation = #_sourceLocation
    ) {
        let condition = edge.condition(type, ofRoute: route)
        #expect(condition?.isTrue == isTrue, "\(String(describing: condition))", sourceLocation: sourceLocation)
        if let reason { #expect(condition?.reason == reason, sourceLocation: sourceLocation) }
    }

    @Test("HTTPRouteCrossNamespace")
    func crossNamespace() async throws {
        var item = Case.served("/", by: "web-backend")
        item.namespace = "gateway-conformance-web-backend"
        try await Conformance.run(
            "httproute-cross-namespace", gateway: "backend-namespaces", routes: ["cross-namespace"], [item])
    }

    @Test("HTTPRouteMultipleGateways")
    func multipleGateways() async throws {
        try await Conformance.with("httproute-multiple-gateways", gateways: ["same-namespace", "all-namespaces"]) {
            environment in
            for (edge, own) in zip(environment.edges, [v2, v3]) {
                expect(edge, "multiple-gateways-shared-route", "Accepted", true)
                try await Case.served("/shared", by: v1).run(on: edge)
                try await Case.served("/", by: own).run(on: edge)
            }
        }
    }

    @Test("HTTPRouteDisallowedKind")
    func disallowedKind() async throws {
        try await Conformance.with("httproute-disallowed-kind", gateways: ["tlsroutes-only"]) { environment in
            expect(environment.edge, "disallowed-kind", "Accepted", false, "NotAllowedByListeners")
            expect(environment.edge, "disallowed-kind", "ResolvedRefs", true)
            #expect(environment.edge.attachedRoutes == 0)
        }
    }

    struct Invalid: Sendable, CustomTestStringConvertible {
        var upstream: String
        var manifest: String
        var route: String
        var reason: String
        var path = "/"
        var testDescription: String { upstream }
    }

    @Test(
        "an invalid backendRef answers 500 and says why",
        arguments: [
            Invalid(
                upstream: "HTTPRouteInvalidBackendRefUnknownKind",
                manifest: "httproute-invalid-backendref-unknown-kind",
                route: "invalid-backend-ref-unknown-kind", reason: "InvalidKind", path: "/v2"),
            Invalid(
                upstream: "HTTPRouteInvalidCrossNamespaceBackendRef",
                manifest: "httproute-invalid-cross-namespace-backend-ref",
                route: "invalid-cross-namespace-backend-ref", reason: "RefNotPermitted"),
            Invalid(
                upstream: "HTTPRouteInvalidNonExistentBackendRef", manifest: "httproute-invalid-nonexistent-backendref",
                route: "invalid-nonexistent-backend-ref", reason: "BackendNotFound"),
            Invalid(
                upstream: "HTTPRouteInvalidReferenceGrant", manifest: "httproute-invalid-reference-grant",
                route: "reference-grant", reason: "RefNotPermitted"),
        ])
    func invalidBackendReference(_ invalid: Invalid) async throws {
        try await Conformance.with(invalid.manifest) { environment in
            expect(environment.edge, invalid.route, "Accepted", true)
            expect(environment.edge, invalid.route, "ResolvedRefs", false, invalid.reason)
            try await Case.refused(invalid.path, status: 500).run(on: environment.edge)
        }
    }

    @Test(
        "a route whose parent does not take it is not attached",
        arguments: [
            (
                "HTTPRouteInvalidCrossNamespaceParentRef", "httproute-invalid-cross-namespace-parent-ref",
                "same-namespace", "invalid-cross-namespace-parent-ref", "NotAllowedByListeners"
            ),
            (
                "HTTPRouteInvalidParentRefNotMatchingListenerPort",
                "httproute-invalid-parentref-not-matching-listener-port", "same-namespace",
                "httproute-listener-not-matching-route-port", "NoMatchingParent"
            ),
            (
                "HTTPRouteInvalidParentRefNotMatchingSectionName",
                "httproute-invalid-parentref-not-matching-section-name", "same-namespace",
                "httproute-listener-not-matching-section-name", "NoMatchingParent"
            ),
            (
                "HTTPRouteInvalidParentRefSectionNameNotMatchingPort",
                "httproute-invalid-parentref-section-name-not-matching-port",
                "gateway-with-one-not-matching-port-and-section-name-route",
                "httproute-listener-section-name-not-matching-port", "NoMatchingParent"
            ),
        ])
    func notAttached(
        upstream: String, manifest: String, gateway: String, route: String, reason: String
    ) async throws {
        try await Conformance.with(manifest, gateways: [gateway]) { environment in
            expect(environment.edge, route, "Accepted", false, reason)
            expect(environment.edge, route, "ResolvedRefs", true)
            #expect(environment.edge.attachedRoutes == 0)
        }
    }

    @Test("HTTPRoutePartiallyInvalidViaInvalidReferenceGrant")
    func partiallyInvalid() async throws {
        try await Conformance.with("httproute-partially-invalid-via-invalid-reference-grant") { environment in
            expect(environment.edge, "invalid-reference-grant", "ResolvedRefs", false, "RefNotPermitted")
            try await Case.refused("/v2", status: 500).run(on: environment.edge)
            var item = Case.served("/", by: "app-backend-v1")
            item.namespace = "gateway-conformance-app-backend"
            try await item.run(on: environment.edge)
        }
    }

    @Test("HTTPRouteReferenceGrant")
    func referenceGrant() async throws {
        try await Conformance.with("httproute-reference-grant") { environment in
            expect(environment.edge, "reference-grant", "ResolvedRefs", true)
            var item = Case.served("/", by: "web-backend")
            item.namespace = "gateway-conformance-web-backend"
            try await item.run(on: environment.edge)
            // Taking the grant away takes effect on traffic.
            let without = environment.objects.filter { $0.kind != .referenceGrant }
            #expect(without.count < environment.objects.count)
            try await environment.edge.publish(without)
            try await Case.refused("/", status: 500).run(on: environment.edge)
        }
    }

    @Test("HTTPRouteNoBackendRefs")
    func noBackendRefs() async throws {
        try await Conformance.run(
            "httproute-omitted-backendrefs", routes: ["omitted-backendrefs"],
            [
                .served("/forward", by: v1), .refused("/omitted-no-forward", status: 500),
                .refused("/empty-no-forward", status: 500),
            ])
    }

    @Test("HTTPRouteServiceTypes")
    func serviceTypes() async throws {
        try await Conformance.run(
            "httproute-service-types", routes: ["service-types"],
            ["/manual-endpointslices", "/headless", "/headless-manual-endpointslices"].map { .served($0, by: v1) })
    }

    @Test("HTTPRouteObservedGenerationBump")
    func observedGeneration() async throws {
        try await Conformance.with("httproute-observed-generation-bump") { environment in
            // The generation that a status is about is that of the object it was made of.
            for object in environment.objects where object.kind == .httpRoute {
                let status = environment.edge.statuses.first { $0.key == object.key }
                #expect(status?.generation == object.metadata.generation)
                #expect(status?.parents.first?.conditions["Accepted"]?.isTrue == true)
            }
            var changed = environment.objects
            for index in changed.indices {
                guard case .httpRoute(var route) = changed[index].content else { continue }
                route.metadata.generation += 1
                changed[index].content = .httpRoute(route)
                changed[index].metadata = route.metadata
                let result = Edge.compile("same-namespace", changed, revision: 2)
                let status = result.statuses.first { $0.key == changed[index].key }
                #expect(status?.generation == route.metadata.generation)
            }
        }
    }
}
