import GatewayControl
import GatewayModel
import Testing

@testable import GatewayRuntime

@Suite("An accepted change of the configuration says in one line what it was")
struct ChangeLineTests {
    private static func load(_ texts: [String]) -> ConfigurationLoad {
        let text = texts.joined(separator: "---\n")
        return ConfigurationLoad(
            texts: [ConfigurationLoad.Text(bytes: Array(text.utf8), file: "a.yaml")], mode: .strict, limits: .standard)
    }

    private static func backend(_ name: String, port: Int = 80) -> String {
        """
        apiVersion: sluice.dev/v1alpha1
        kind: Backend
        metadata: {name: \(name)}
        spec: {endpoints: [{host: 127.0.0.1, port: \(port)}]}

        """
    }

    @Test("what was added, changed and deleted, by name up to a bound")
    func lines() async throws {
        let store = try ObjectStore(stateFolder: nil)
        var changes = await store.changes().makeAsyncIterator()
        await store.replaceFiles(Self.load([Self.backend("a"), Self.backend("b")]))
        let first = try #require(await changes.next())
        #expect(
            first.line(digest: "0123456789abcdef0123")
                == "revision 1 serves, by files: 2 added (+Backend a, +Backend b); 2 objects, "
                + "digest 0123456789abcdef0123")
        await store.replaceFiles(Self.load([Self.backend("b", port: 81), Self.backend("c")]))
        let second = try #require(await changes.next())
        #expect(
            second.line(digest: "d")
                == "revision 2 serves, by files: 1 added, 1 changed, 1 deleted (-Backend a, ~Backend b, +Backend c); "
                + "2 objects, digest d")
        await store.replaceFiles(Self.load((0..<100).map { Self.backend("x\($0)") }))
        let third = try #require(await changes.next()).line(digest: "d")
        #expect(third.contains("100 added, 2 deleted") && third.contains("… and 94 more)") && third.count < 300)
    }
}
