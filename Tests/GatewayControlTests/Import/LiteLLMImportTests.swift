import Foundation
import GatewayModel
import Testing

@testable import GatewayControl

@Suite("LiteLLM's files become Sluice objects, and what could not be carried is told")
struct LiteLLMImportTests {
    private static func path(_ name: String) -> URL {
        URL(filePath: #filePath).deletingLastPathComponent().appending(path: name)
    }

    private func document(_ name: String, _ syntax: DocumentReader.Syntax) throws -> ConfigNode {
        var diagnostics: [Diagnostic] = []
        let bytes = Array(try Data(contentsOf: Self.path(name)))
        let documents = DocumentReader.read(
            bytes, file: name, syntax: syntax, unfolding: false, diagnostics: &diagnostics)
        #expect(diagnostics == [])
        return try #require(documents.first)
    }

    /// Compares with the golden file beside this one; SLUICE_WRITE_PAGES=1 writes it.
    private func expect(_ text: String, is name: String) throws {
        let url = Self.path(name)
        if ProcessInfo.processInfo.environment["SLUICE_WRITE_PAGES"] != nil {
            try Data(text.utf8).write(to: url)
        }
        #expect(try String(contentsOf: url, encoding: .utf8) == text)
    }

    private func said(_ findings: ImportFindings) -> String { findings.inOrder.map { "\($0)\n" }.joined() }

    @Test func aProxysConfiguration() throws {
        let prices = LiteLLMPrices(try document("prices.in.json", .json))
        let result = LiteLLMImport(try document("proxy.in.yaml", .yaml), prices: prices)
        let text = YAMLPrinter.print(result.objects)
        try expect(text, is: "proxy.out.yaml")
        try expect(said(result.findings), is: "proxy.out.txt")
        let load = load(text)
        // The price list of this test knows not every model, and what is unpriced is refused under a budget.
        #expect(load.diagnostics.allSatisfy { $0.severity == .warning && $0.message.contains("no price is known") })
        #expect(load.diagnostics.count == 2, "\(load.diagnostics)")
        for secret in ["sk-this-must-not-be-carried", "sk-1234", "secret@db"] {
            #expect(!text.contains(secret))
            #expect(!said(result.findings).contains(secret))
        }
    }

    @Test func aPriceList() throws {
        var findings = ImportFindings()
        let catalog = LiteLLMPrices(try document("prices.in.json", .json)).catalog(&findings)
        try expect(YAMLPrinter.print([catalog]), is: "prices.out.yaml")
        try expect(said(findings), is: "prices.out.txt")
    }

    @Test(arguments: [
        ("1.25e-07", "0.125"), ("0.00000125", "1.25"), ("2.5e-6", "2.5"), ("1E-5", "10"), ("0", "0"),
        ("1.23456789e-09", nil), ("-1e-06", nil),
    ])
    func aRateIsConvertedExactlyOrNotAtAll(_ number: String, _ expected: String?) {
        let entry = ConfigNode.object([
            ("input_cost_per_token", ConfigNode(.number(number))), ("output_cost_per_token", .integer(0)),
        ])
        var findings = ImportFindings()
        let price = LiteLLMPrices.price(entry, of: "m", &findings)
        #expect(price?["input"]?.string == expected)
        #expect(findings.diagnostics.isEmpty == (expected != nil))
    }

    @Test func whatIsNoConfigurationIsSaid() {
        let result = LiteLLMImport(.object([("models", .list([]))]))
        #expect(result.objects.isEmpty)
        #expect(result.findings.diagnostics.map(\.severity) == [.warning, .error])
    }
}
