import Foundation
import GatewayModel
import Testing

@testable import GatewayControl

/// The manifests of the Gateway API's conformance suite, beside the package.
enum ConformanceData {
    static let folder: String = {
        var parts = #filePath.split(separator: "/")
        parts.removeLast(4)
        return "/" + parts.joined(separator: "/") + "/../shared/data/gateway-api/conformance"
    }()

    static var isThere: Bool { FileManager.default.fileExists(atPath: folder) }

    static let manifests: [String] = {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/tests")) ?? []
        return ["base/manifests.yaml"]
            + names.filter { $0.hasPrefix("httproute-") && $0.hasSuffix(".yaml") }.sorted().map { "tests/\($0)" }
    }()
}

@Suite("The conformance suite's manifests decode", .enabled(if: ConformanceData.isThere))
struct ConformanceManifestTests {
    @Test func thereAreEnough() { #expect(ConformanceData.manifests.count > 50) }

    @Test(arguments: ConformanceData.manifests)
    func decodes(_ name: String) throws {
        let data = try #require(FileManager.default.contents(atPath: "\(ConformanceData.folder)/\(name)"))
        let text = String(decoding: data, as: UTF8.self)
            .split(separator: "{GATEWAY_CLASS_NAME}", omittingEmptySubsequences: false).joined(separator: "sluice")
        let load = load(text, file: name, mode: .tolerant)
        #expect(load.diagnostics.filter { $0.severity == .error } == [])
        #expect(!load.set.isEmpty)
    }
}
