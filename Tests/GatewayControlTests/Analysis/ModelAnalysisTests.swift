import GatewayModel
import Testing

@testable import GatewayControl

@Suite("The analysis judges providers, catalogues and policies together")
struct ModelAnalysisTests {
    private func catalog(_ models: String, name: String = "more", spec: String = "") -> String {
        """
        ---
        apiVersion: sluice.dev/v1alpha1
        kind: ModelCatalog
        metadata: {name: \(name)}
        spec: {models: [\(models)]\(spec)}

        """
    }

    private func object(_ kind: String, _ spec: String) -> String {
        "---\napiVersion: sluice.dev/v1alpha1\nkind: \(kind)\nmetadata: {name: more}\nspec: \(spec)\n"
    }

    private let price = "price: {input: \"1\", output: \"1\"}"

    /// What is added, the code, the path and words of the finding.
    @Test func whatDoesNotResolveIsNamed() {
        let table: [(String, ErrorCode, String, String)] = [
            (
                catalog("{name: a, targets: [{provider: opnai}], \(price)}"), .danglingReference,
                "spec.models[0].targets[0].provider", "did you mean \"openai\"?"
            ),
            (
                catalog("{name: a, targets: [{provider: openai, namespace: shop}], \(price)}"), .forbiddenReference,
                "spec.models[0].targets[0].namespace", "add a ReferenceGrant in namespace \"shop\" from ModelCatalog"
            ),
            (
                catalog("{name: a, targets: [{provider: openai}], fallback: [fats], \(price)}"), .danglingReference,
                "spec.models[0].fallback[0]", "did you mean \"fast\"?"
            ),
            (
                catalog("{name: fast, targets: [{provider: openai}], \(price)}"), .duplicateKey,
                "spec.models[0].name", "is in ModelCatalog default already"
            ),
            (
                catalog("{name: a, aliases: [b, fast], targets: [{provider: openai}], \(price)}"), .duplicateKey,
                "spec.models[0].aliases[1]", "is in ModelCatalog default already"
            ),
            (
                catalog(
                    "{name: a, targets: [{provider: openai}], fallback: [b], \(price)}, "
                        + "{name: b, targets: [{provider: openai}], fallback: [a], \(price)}"),
                .invalidValue, "spec.models[0].fallback", "in a circle: a, b, a"
            ),
            (
                catalog("{name: a, targets: [{provider: openai, when: principal.usr == 'a'}], \(price)}"),
                .invalidValue, "spec.models[0].targets[0].when", "the condition, at 1:"
            ),
            (
                object("ModelAccessPolicy", "{subjects: [{any: true}], models: [\"*\"], when: \"1 +\"}"),
                .invalidValue, "spec.when", "the condition, at 1:"
            ),
            (
                object(
                    "ModelProvider", "{dialect: openai, baseURL: \"https://a/v1\", credential: {secretRef: {name: s}}}"
                ),
                .danglingReference, "spec.credential.secretRef.name", "no Secret \"s\""
            ),
        ]
        for (text, code, path, words) in table {
            let load = load(modelsText + text)
            #expect(load.diagnostics.count == 1, "\(load.diagnostics)")
            #expect(load.diagnostics.first?.code == code, "\(load.diagnostics)")
            #expect(load.diagnostics.first?.path == path, "\(load.diagnostics)")
            #expect("\(load.diagnostics)".contains(words), "\(load.diagnostics)")
            #expect(!load.isUsable)
        }
    }

    @Test func whatWasHardlyMeantIsWarnedOf() {
        let table: [(String, String, String)] = [
            (
                catalog("{name: a, targets: [{provider: openai}]}"), "spec.limits[0]",
                "a limit of usd refuses every request for \"a\""
            ),
            (
                object("ModelAccessPolicy", "{subjects: [{any: true}], models: [fats]}"), "spec.models[0]",
                "did you mean \"fast\"?"
            ),
            (
                object("ModelProvider", "{dialect: openai, baseURL: \"https://api.openai.com\"}"), "spec.baseURL",
                "write https://api.openai.com/v1"
            ),
            (
                object("ModelProvider", "{dialect: openai, baseURL: \"http://far.example/v1\", credential: {env: A}}"),
                "spec.baseURL", "travels in clear"
            ),
            (
                catalog("{name: a, targets: [{provider: openai}], strategy: lowestCost}", spec: ", \(charge)"),
                "spec.models[0]", "a target of unknown price"
            ),
        ]
        for (text, path, words) in table {
            let load = load(modelsText + text)
            #expect(load.diagnostics.map(\.severity) == [.warning], "\(load.diagnostics)")
            #expect(load.diagnostics.first?.path == path, "\(load.diagnostics)")
            #expect("\(load.diagnostics)".contains(words), "\(load.diagnostics)")
        }
    }

    private let charge = "unknownPrice: charge, unknownPriceRate: {input: \"9\", output: \"9\"}"

    @Test func aGrantLetsACatalogueUseAnotherNamespacesProvider() {
        let more = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ModelProvider
            metadata: {name: openai, namespace: shop}
            spec: {dialect: openai, baseURL: "http://127.0.0.1:9100/v1"}
            ---
            apiVersion: gateway.networking.k8s.io/v1beta1
            kind: ReferenceGrant
            metadata: {name: let-in, namespace: shop}
            spec:
              from: [{group: sluice.dev, kind: ModelCatalog, namespace: default}]
              to: [{group: sluice.dev, kind: ModelProvider}]

            """
        let text = catalog("{name: a, targets: [{provider: openai, namespace: shop}], \(price)}")
        #expect(load(modelsText + more + text).diagnostics == [])
    }

    @Test func withoutAPolicyTheCatalogueSaysThatNobodyMayUseIt() {
        let text = modelsText.split(separator: "---\n").filter { !$0.contains("ModelAccessPolicy") }
            .joined(separator: "---\n")
        let found = load(text).diagnostics
        #expect(found.map(\.severity) == [.warning])
        #expect("\(found)".contains("nobody may use these models"))
    }

    @Test func aRouteLeadsToACatalogueOrToBackends() {
        let route = """
            ---
            apiVersion: gateway.networking.k8s.io/v1
            kind: HTTPRoute
            metadata: {name: models}
            spec:
              parentRefs: [{name: edge}]
              rules:
                - matches: [{path: {value: /v1}}]
                  backendRefs: [{group: sluice.dev, kind: ModelCatalog, name: default}]

            """
        #expect(load(exampleText + "---\n" + modelsText + route).diagnostics == [])
        #expect("\(load(exampleText + "---\n" + modelsText).diagnostics)".contains("no route leads to these models"))
        let both = route.split(separator: "name: default}]").joined(
            separator: "name: default}, {group: sluice.dev, kind: Backend, name: app}]")
        #expect(load(exampleText + "---\n" + modelsText + both).diagnostics.map(\.code) == [.unsupportedValue])
        let missing = route.split(separator: "name: default}").joined(separator: "name: defualt}")
        let found = load(exampleText + "---\n" + modelsText + missing).diagnostics
        #expect(found.map(\.code) == [.danglingReference])
        #expect("\(found)".contains("did you mean \"default\"?"))
    }
}
