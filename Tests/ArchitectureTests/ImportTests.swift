import Testing

@Suite("a room imports what its row of the table allows")
struct ImportTests {
    @Test func `every import line of the sources is allowed`() throws {
        let sources = try Package.swiftFiles(under: "Sources")
        #expect(sources.count >= ImportTable.rows.count)
        let findings = sources.flatMap { ImportTable.violations(in: $0) }
        #expect(findings.isEmpty, "\(findings)")
    }

    @Test func `the table has a row for each target and no other`() throws {
        let targets = try Package.targets().subtracting(ImportTable.systemLibraries)
        #expect(targets == Set(ImportTable.rows.keys))
    }

    @Test func `the table has no cycle`() {
        #expect(ImportTable.cycles(ImportTable.rows).isEmpty)
        let bad = ["A": ImportTable.Row(rooms: ["B"]), "B": ImportTable.Row(rooms: ["A"])]
        #expect(ImportTable.cycles(bad) == ["A", "B"])
    }

    @Test func `the workbench and the control room do not see the data plane`() {
        for room in ["GatewayWorkbench", "GatewayControl"] {
            #expect(ImportTable.rows[room]?.rooms.contains("GatewayProxy") == false)
        }
    }

    @Test func `the architecture page shows the same table`() throws {
        let documented = ImportTable.documented(try Package.text("Documentation/Architecture/README.md"))
        #expect(documented == ImportTable.rows.mapValues(\.rooms))
        #expect(
            ImportTable.documented("| `GatewayWire` | bytes | `GatewayModel` |") == ["GatewayWire": ["GatewayModel"]])
    }

    @Test(arguments: [
        ("Sources/GatewayWire/A.swift", "import NIOCore", "GatewayWire may not import NIOCore"),
        ("Sources/GatewayWire/A.swift", "package import GatewayModel", "GatewayWire may not import GatewayModel"),
        (
            "Sources/GatewayProxy/A.swift", "import FoundationEssentials",
            "GatewayProxy may not import FoundationEssentials"
        ),
        (
            "Sources/GatewayRuntime/A.swift", "@preconcurrency import Foundation",
            "GatewayRuntime may not import Foundation"
        ),
        (
            "Sources/GatewayControl/A.swift", "private import struct GatewayProxy.Pool",
            "GatewayControl may not import GatewayProxy"
        ),
        (
            "Sources/GatewayProxy/A.swift", "package import CZlib",
            "types of CZlib may not appear in a package signature; import it plainly"
        ),
        ("Sources/GatewayNew/A.swift", "let a = 1", "target GatewayNew has no row in ImportTable"),
    ])
    func `a forbidden import is found`(path: String, text: String, message: String) {
        #expect(ImportTable.violations(in: SwiftSource(path: path, text: text)).map(\.message) == [message])
    }

    @Test func `an import in a comment or a string is not one`() {
        let text =
            "// import NIOCore\n/* import NIOCore /* a */ import B */\n"
            + "let a = \"\"\"\nimport NIOCore\n\"\"\"\nimport Crypto"
        let source = SwiftSource(path: "Sources/GatewayIdentity/A.swift", text: text)
        #expect(source.imports == [Import(line: 6, access: "internal", module: "Crypto")])
    }
}
