import GatewayPolicy
import GatewayWire
import Testing

@testable import GatewayProxy

@Suite("A route's conditions read headers, queries and methods")
struct RouteConditionTests {
    @Test(
        "query parameters: the first of a name counts, decoded",
        arguments: [
            ("a=1", true), ("b=2&a=1", true), ("a=1&a=2", true), ("a=2&a=1", false), ("a", false), ("", false),
            ("a=", false), ("aa=1", false), ("a=11", false), ("%61=%31", true), ("a=1;b", false), ("&&a=1&", true),
            ("A=1", false), ("=1", false), ("a=1%", false),
        ])
    func queries(query: String, holds: Bool) {
        let condition = RouteCondition(queries: [ValueMatch("a", "1")])
        #expect(condition.holds(for: .test("/?" + query)) == holds)
    }

    @Test("a plus is a space, a broken escape stands for itself")
    func queryDecoding() throws {
        #expect(RouteCondition(queries: [ValueMatch("q", "a b+c")]).holds(for: .test("/?q=a+b%2Bc")))
        #expect(RouteCondition(queries: [ValueMatch("q", "100%")]).holds(for: .test("/?q=100%")))
        #expect(RouteCondition(queries: [ValueMatch("q", "%zz")]).holds(for: .test("/?q=%zz")))
        let regex = RouteCondition(queries: [try ValueMatch("q", regex: "[a-c ]+")])
        #expect(regex.holds(for: .test("/?q=a+%62")))
        #expect(!regex.holds(for: .test("/?q=a+d")))
    }

    @Test("headers: one value, several joined, the host, the upgrade")
    func headers() throws {
        let condition = RouteCondition(headers: [ValueMatch("version", "one")])
        #expect(condition.holds(for: .test("/", headers: [("version", "one")])))
        #expect(!condition.holds(for: .test("/", headers: [("version", "One")])))
        #expect(!condition.holds(for: .test("/", headers: [("version", "one"), ("version", "two")])))
        #expect(!condition.holds(for: .test("/", headers: [("versions", "one")])))
        let joined = RouteCondition(headers: [ValueMatch("version", "one, two")])
        #expect(joined.holds(for: .test("/", headers: [("version", "one"), ("x", "y"), ("version", "two")])))
        #expect(!joined.holds(for: .test("/", headers: [("version", "one"), ("version", "two"), ("version", "")])))
        let regex = RouteCondition(headers: [try ValueMatch("user-agent", regex: "curl/.*|wget, x")])
        #expect(regex.holds(for: .test("/", headers: [("user-agent", "curl/8")])))
        #expect(regex.holds(for: .test("/", headers: [("user-agent", "wget"), ("user-agent", "x")])))
        #expect(!regex.holds(for: .test("/", headers: [("user-agent", "xcurl/8")])))
        #expect(RouteCondition(headers: [ValueMatch("host", "a:1")]).holds(for: .test("/", host: "a:1")))
        var upgrade = RequestHead.test("/")
        #expect(!RouteCondition(headers: [try ValueMatch("upgrade", regex: ".*")]).holds(for: upgrade))
        upgrade.upgrade = upgrade.fields.store(Array("websocket".utf8))
        #expect(RouteCondition(headers: [ValueMatch("upgrade", "websocket")]).holds(for: upgrade))
    }

    @Test("methods are compared by their whole name", arguments: ["GET", "PATCH", "PURGE"])
    func methods(method: String) {
        let condition = RouteCondition(method: Array(method.utf8))
        #expect(condition.holds(for: .test("/", method: method)))
        #expect(!condition.holds(for: .test("/", method: "POST")))
        #expect(!condition.holds(for: .test("/", method: "PURGES")))
    }
}
