import Foundation
import GatewayModel
import Testing

@testable import GatewayControl

/// Compares the schemas made from our declarations with the published CRDs (experimental channel), field by field.
@Suite("Our declarations of the routing objects agree with the published CRDs", .enabled(if: ConformanceData.isThere))
struct CRDTests {
    /// Where we differ, and why.
    static let differences: Set<String> = [
        // Read and refused as unsupported, so its settings are not looked into.
        "spec.rules[].filters[].externalAuth", "spec.rules[].backendRefs[].filters[].externalAuth",
    ]

    @Test(arguments: [
        (ObjectKind.httpRoute, "httproutes", 150), (.gateway, "gateways", 60), (.referenceGrant, "referencegrants", 8),
    ])
    func agrees(_ kind: ObjectKind, _ plural: String, _ least: Int) throws {
        let path =
            ConformanceData.folder
            + "/../config/crd/experimental/gateway.networking.k8s.io_\(plural).yaml"
        let data = try #require(FileManager.default.contents(atPath: path))
        var diagnostics: [Diagnostic] = []
        let documents = DocumentReader.read(Array(data), file: plural, diagnostics: &diagnostics)
        #expect(diagnostics == [])
        let versions = documents.compactMap { $0["spec"]?["versions"]?.elements }.flatMap { $0 }
        let version = try #require(versions.first { $0["name"]?.string == "v1" })
        let published = try #require(version["schema"]?["openAPIV3Schema"]?["properties"]?["spec"])
        let own = try #require(kind.jsonSchema["properties"]?["spec"])
        var found: [String] = []
        compare(published, own, at: "spec", into: &found)
        #expect(found.filter { !Self.differences.contains($0) } == [])
        #expect(propertyCount(own) >= least)
    }

    private func compare(_ published: ConfigNode, _ own: ConfigNode, at path: String, into found: inout [String]) {
        if Self.differences.contains(path) { return }
        for word in ["minimum", "maximum", "minItems", "maxItems", "enum"] {
            guard let wanted = published[word] else { continue }
            // An upper bound below ours would refuse less than the API server does.
            if let given = own[word], sorted(given) == sorted(wanted) { continue }
            if own[word] == nil, word == "minItems" || word == "minimum", wanted == .integer(0) { continue }
            found.append("\(path): \(word)")
        }
        let names = Set(published["properties"]?.fields?.map(\.key) ?? [])
        let ours = Set(own["properties"]?.fields?.map(\.key) ?? [])
        for name in names.symmetricDifference(ours).sorted() { found.append("\(path).\(name)") }
        for name in names.intersection(ours).sorted() {
            guard let one = published["properties"]?[name], let other = own["properties"]?[name] else { continue }
            compare(one, other, at: "\(path).\(name)", into: &found)
        }
        let required = Set(published["required"]?.elements?.compactMap(\.string) ?? [])
        let ourRequired = Set(own["required"]?.elements?.compactMap(\.string) ?? [])
        for name in required.symmetricDifference(ourRequired).sorted() { found.append("\(path).\(name): required") }
        if let one = published["items"] {
            guard let other = own["items"] else { return found.append("\(path): items") }
            compare(one, other, at: "\(path)[]", into: &found)
        }
    }

    private func propertyCount(_ schema: ConfigNode) -> Int {
        let inner = (schema["properties"]?.fields ?? []).map { 1 + propertyCount($0.value) }.reduce(0, +)
        return inner + (schema["items"].map(propertyCount) ?? 0)
    }

    private func sorted(_ node: ConfigNode) -> [String] {
        (node.elements ?? [node]).map { JSONPrinter.print($0) }.sorted()
    }
}
