import GatewayWire
import Testing

@testable import GatewayProxy

@Suite("the gateway's own cookies are nobody else's, however they are written")
struct OwnCookieTests {
    private static func fields(_ name: String, _ values: [String]) -> FieldBlock {
        var fields = FieldBlock()
        for value in values { fields.append(name: Array(name.utf8), value: Array(value.utf8)) }
        return fields
    }

    private static func values(_ fields: FieldBlock) -> [String] { fields.entries.map { fields.text($0.value) } }

    @Test(
        "a backend does not see them",
        arguments: [
            (["a=b"], ["a=b"]), (["a=b; sluice-connect-x=1"], ["a=b"]), (["sluice-connect-x=1"], []),
            (["__Host-sluice-connect-x=1; a=b;c=d"], ["a=b; c=d"]), (["SLUICE-Connect-x=1;a=b"], ["a=b"]),
            (["a=b", "sluice-connect-x=1", "c=d"], ["a=b", "c=d"]), (["a=b;\t sluice-connect-x=1;; c"], ["a=b; c"]),
            (["=sluice-connect-x=1; a=b"], ["a=b"]), (["sluice-connect=1; xsluice-connect-x=1"], nil),
            (["a=sluice-connect-x=1"], nil),
        ] as [([String], [String]?)])
    func requests(given: [String], expected: [String]?) {
        var fields = Self.fields("cookie", given)
        fields.removeOwnCookies()
        #expect(Self.values(fields) == expected ?? given)
    }

    @Test(
        "a backend does not set them",
        arguments: [
            "sluice-connect-x=1; Path=/", "__Host-sluice-connect-x=1", "Sluice-Connect-x=1", " \tsluice-connect-x=1",
            "=sluice-connect-x=1", " = sluice-connect-x=1; Path=/oauth", "__HOST-sluice-connect-x=1", "sluice-connect-",
        ])
    func responses(planted: String) {
        let kept = ["a=b; Path=/", "sluice-connected=1", "a=sluice-connect-x"]
        var fields = Self.fields("set-cookie", [kept[0], planted, kept[1], planted, kept[2]])
        fields.removeOwnSetCookies()
        #expect(Self.values(fields) == kept)
    }
}
