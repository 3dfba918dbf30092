import Testing

@testable import GatewayModel

@Suite("The nearest name is suggested when it is near, and only then")
struct NearestNameTests {
    @Test(arguments: [
        ("backendRef", "backendRefs"), ("hostnmae", "hostnames"), ("Rules", "rules"), ("prot", "port"),
        ("frobnicate", ""), ("x", ""),
    ])
    func suggestion(_ written: String, _ meant: String) {
        let names = ["backendRefs", "hostnames", "rules", "port", "matches"]
        #expect(NearestName.of(written, among: names) ?? "" == meant)
    }

    @Test func distances() {
        #expect(NearestName.distance(Array("kitten".utf8), Array("sitting".utf8)) == 3)
        #expect(NearestName.distance(Array("ab".utf8), Array("ba".utf8)) == 1)
        #expect(NearestName.distance([], Array("abc".utf8)) == 3)
    }
}
