import GatewayModel
import Testing

@testable import GatewayControl

@Suite("Bad input is named by place, code, nearest name and fix")
struct BadInputTests {
    @Test func theExampleIsFine() {
        let load = load(exampleText)
        #expect(load.diagnostics == [])
        #expect(load.set.count == 3)
        #expect(load.set.httpRoutes.first?.spec.rules.first?.backendRefs.first?.name == "app")
        #expect(load.set.gateways.first?.spec.listeners.first?.port == 8080)
        #expect(load.set.backend("default", "app")?.spec.endpoints.first?.port == 9000)
    }

    /// What is replaced in the example, by what, and the whole line that is said.
    static let mistakes: [(String, String, String)] = [
        (
            "backendRefs: [", "backendRef: [",
            "app.yaml:15:7: error SL-1002: unknown field \"backendRef\" in HTTPRoute app, spec.rules[0]; "
                + "did you mean \"backendRefs\"?"
        ),
        (
            "port: 8080", "prot: 8080",
            "app.yaml:6:44: error SL-1002: unknown field \"prot\" in Gateway edge, spec.listeners[0]; "
                + "did you mean \"port\"?"
        ),
        (
            "port: 8080", "port: eighty",
            "app.yaml:6:50: error SL-1003: expected an integer, found string in Gateway edge, spec.listeners[0].port"
        ),
        (
            "port: 8080", "port: \"8080\"",
            "app.yaml:6:50: error SL-1003: expected an integer, found string in Gateway edge, spec.listeners[0].port; "
                + "write it without quotes"
        ),
        (
            "port: 8080", "port: 70000",
            "app.yaml:6:50: error SL-1005: invalid value 70000 in Gateway edge, spec.listeners[0].port; "
                + "must be between 1 and 65535"
        ),
        (
            "name: http, ", "",
            "app.yaml:6:15: error SL-1004: missing field \"name\" in Gateway edge, spec.listeners[0]; "
                + "the listener's name, unique in the gateway"
        ),
        (
            "type: PathPrefix", "type: PathPrefx",
            "app.yaml:14:31: error SL-1005: invalid value \"PathPrefx\" in HTTPRoute app, "
                + "spec.rules[0].matches[0].path.type; did you mean \"PathPrefix\"?"
        ),
        (
            "value: /", "value: api",
            "app.yaml:14:50: error SL-1005: invalid value \"api\" in HTTPRoute app, "
                + "spec.rules[0].matches[0].path.value; a path starts with /"
        ),
        (
            "kind: HTTPRoute", "kind: HTTPRute",
            "app.yaml:9:7: error SL-1006: unknown kind \"HTTPRute\" of gateway.networking.k8s.io/v1 in document, kind; "
                + "did you mean \"HTTPRoute\"?"
        ),
        (
            "apiVersion: sluice.dev/v1alpha1", "apiVersion: sluice.dev/v1",
            "app.yaml:17:13: error SL-1006: unknown version \"sluice.dev/v1\" of Backend in Backend app, apiVersion; "
                + "did you mean \"sluice.dev/v1alpha1\"?"
        ),
        (
            "kind: Backend, name: app}", "kind: Backend, name: ap}",
            "app.yaml:15:62: error SL-1009: no Backend \"ap\" in HTTPRoute app, spec.rules[0].backendRefs[0].name; "
                + "did you mean \"app\"?"
        ),
        (
            "group: sluice.dev, kind: Backend, name: app", "name: app, port: 80",
            "app.yaml:15:28: error SL-1009: no Service \"app\" in HTTPRoute app, spec.rules[0].backendRefs[0].name; "
                + "there is a Backend of this name: write group: sluice.dev, kind: Backend"
        ),
        (
            "group: sluice.dev, kind: Backend, name: app", "name: app",
            "app.yaml:15:21: error SL-1004: missing field \"port\" in HTTPRoute app, spec.rules[0].backendRefs[0]; "
                + "a reference to a Service needs a port"
        ),
        (
            "group: sluice.dev, kind: Backend", "group: sluice.dev, kind: Bakend",
            "app.yaml:15:47: error SL-1015: unsupported kind \"sluice.dev/Bakend\" in HTTPRoute app, "
                + "spec.rules[0].backendRefs[0].kind; did you mean \"Backend\"?"
        ),
        (
            "name: app}]", "name: app, namespace: other}]",
            "app.yaml:15:78: error SL-1010: reference to Backend \"other/app\" is not permitted in HTTPRoute app, "
                + "spec.rules[0].backendRefs[0].namespace; add a ReferenceGrant in namespace \"other\" from HTTPRoute "
                + "in namespace \"default\" to Backend"
        ),
        (
            "parentRefs: [{name: edge}]", "parentRefs: [{name: egde}]",
            "app.yaml:12:23: error SL-1009: no Gateway \"egde\" in HTTPRoute app, spec.parentRefs[0].name; "
                + "did you mean \"edge\"?"
        ),
        (
            "parentRefs: [{name: edge}]", "parentRefs: [{name: edge, sectionName: htp}]",
            "app.yaml:12:42: error SL-1012: Gateway \"edge\" has no listener \"htp\" in HTTPRoute app, "
                + "spec.parentRefs[0].sectionName; did you mean \"http\"?"
        ),
        (
            "parentRefs: [{name: edge}]", "parentRefs: [{name: edge, port: 9090}]",
            "app.yaml:12:35: error SL-1012: Gateway \"edge\" has no such listener on port 9090 in HTTPRoute app, "
                + "spec.parentRefs[0].port; its ports: 8080"
        ),
        (
            "host: 127.0.0.1", "host: http://127.0.0.1",
            "app.yaml:20:27: error SL-1005: invalid value \"http://127.0.0.1\" in Backend app, "
                + "spec.endpoints[0].host; write a host name or an IP address, without port or scheme"
        ),
        (
            "protocol: HTTP,", "protocol: HTPS,",
            "app.yaml:6:38: error SL-1015: unsupported protocol \"HTPS\" in Gateway edge, spec.listeners[0].protocol; "
                + "did you mean \"HTTPS\"?"
        ),
        (
            "{name: http, protocol: HTTP, port: 8080}",
            "{name: http, protocol: HTTP, port: 8080}, {name: more, protocol: HTTP, port: 8080}",
            "app.yaml:6:50: error SL-1011: listener \"http\" has port 8080 and no hostname, as \"more\" "
                + "in Gateway edge, "
                + "spec.listeners[0].port; give one of them another port or hostname"
        ),
        (
            "metadata: {name: edge}", "metadata: {name: edge, name: edge2}",
            "app.yaml:3:24: error SL-1008: duplicate key \"name\"; it stands at line 3 already; remove one"
        ),
        (
            "  gatewayClassName: sluice", "\tgatewayClassName: sluice",
            "app.yaml:5:1: error SL-1001: found character that cannot start any token; "
                + "indent with spaces, not tabs"
        ),
    ]

    @Test(arguments: mistakes)
    func mistake(_ part: String, _ written: String, _ said: String) {
        let load = load(example(replacing: part, with: written))
        #expect(!load.isUsable)
        #expect(load.diagnostics.map(\.description).contains(said), "\(load.diagnostics)")
        // One mistake is one finding, except where both sides of a conflict are told.
        let isConflict = said.contains("SL-1011")
        #expect(load.diagnostics.count == (isConflict ? 2 : 1), "\(load.diagnostics)")
    }

    @Test func aDuplicateObjectNamesBothPlaces() {
        let load = load(exampleText + "---\n" + exampleText.split(separator: "---\n")[2])
        #expect(
            load.diagnostics.map(\.description) == [
                "app.yaml:22:1: error SL-1007: duplicate object Backend app; "
                    + "it is defined at app.yaml:17:1 already; remove or rename one"
            ])
    }

    @Test func severalMistakesAreAllSaid() {
        let text = example(replacing: "port: 8080", with: "port: 0, tsl: {}")
        let load = load(text)
        #expect(load.diagnostics.map(\.code) == [.invalidValue, .unknownField])
    }

    @Test func aBrokenObjectIsNotCalledMissing() {
        let load = load(example(replacing: "port: 9000", with: "port: 0"))
        #expect(load.diagnostics.map(\.code) == [.invalidValue])
    }

    @Test func whatIsNotOursIsWarnedAboutOnce() {
        let load = load(exampleText + "---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: x}\nspec: {a: 1}\n")
        #expect(load.isUsable)
        #expect(load.diagnostics.map(\.code) == [.unknownKind])
        #expect(load.diagnostics.map(\.severity) == [.warning])
    }

    @Test func aSecretNeverShowsInAFinding() {
        let text =
            "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {a: \"hunter2!\"}\nstringData: {b: 12345}\n"
        let load = load(text)
        #expect(load.diagnostics.map(\.code) == [.invalidValue, .wrongType])
        for finding in load.diagnostics {
            #expect(!finding.description.contains("hunter2"))
            #expect(!finding.description.contains("12345"))
        }
    }
}
