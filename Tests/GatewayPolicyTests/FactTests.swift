import GatewayModel
import GatewayWire
import Testing

@testable import GatewayPolicy

/// A head with that path, query, host and fields.
func head(
    path: String = "/", query: String = "", host: String = "a.test", fields: [(String, String)] = []
) -> RequestHead {
    var head = RequestHead()
    head.authority = head.fields.store(Array(host.utf8))
    let target = head.fields.store(Array((query.isEmpty ? path : path + "?" + query).utf8))
    head.target = target
    head.path = Slice(start: Int(target.start), count: path.utf8.count)
    if !query.isEmpty {
        head.query = Slice(start: Int(target.start) + path.utf8.count + 1, count: query.utf8.count)
    }
    for (name, value) in fields { head.fields.append(name, value) }
    return head
}

@Suite("Facts are named once and read as bytes")
struct FactTests {
    @Test(
        "every spelling round-trips",
        arguments: [
            "client.ip", "request.method", "request.host", "request.path", "request.header.x-team",
            "request.query.page", "principal.user", "principal.tenant", "principal.agent", "principal.credential",
            "principal.groups", "listener", "route",
        ])
    func roundTrip(text: String) throws {
        #expect(try Fact(parsing: text).text == text)
    }

    @Test("field names are lower case whatever was written")
    func lowerCase() throws {
        #expect(try Fact(parsing: "request.header.X-Team") == Fact(parsing: "request.header.x-team"))
    }

    @Test(
        "a wrong name gets the nearest right one",
        arguments: [
            ("principal.usr", "principal.user"), ("client.IP", "client.ip"),
            ("request.headers.x-team", "request.header.NAME"),
            ("listner", "listener"),
        ])
    func suggestion(text: String, expected: String) {
        let error = #expect(throws: GatewayError.self) { try Fact(parsing: text) }
        #expect(error?.code == .invalidValue)
        #expect(error?.hint == "did you mean \(expected)?")
    }

    @Test("malformed names are refused", arguments: ["", "request.header.", "request.header.a b", "request.query.a=b"])
    func malformed(text: String) {
        #expect(throws: GatewayError.self) { try Fact(parsing: text) }
    }

    private func key(
        _ names: [String], _ head: RequestHead, _ principal: Principal? = nil, ip: String = ""
    ) throws -> FactKey {
        FactKey(
            try names.map { try Fact(parsing: $0) }, request: head, principal: principal,
            place: FactPlace(clientIP: ip, listener: "edge/http", route: "prod/app"))
    }

    @Test("keys differ exactly when a named fact differs")
    func keys() throws {
        let one = head(path: "/a", query: "x=1&page=2", fields: [("x-team", "red")])
        let two = head(path: "/b", query: "page=3&x=1", host: "b.test", fields: [("x-team", "red")])
        #expect(try key(["request.header.x-team"], one) == key(["request.header.x-team"], two))
        #expect(try key(["request.query.x"], one) == key(["request.query.x"], two))
        #expect(try key(["request.query.page"], one) != key(["request.query.page"], two))
        #expect(try key(["request.path"], one) != key(["request.path"], two))
        #expect(try key(["request.host"], one) != key(["request.host"], two))
        #expect(try key(["client.ip"], one, ip: "10.0.0.1") != key(["client.ip"], one, ip: "10.0.0.2"))
        let ann = Principal(proof: .apiKey, user: "ann", groups: ["b", "a"])
        let ben = Principal(proof: .apiKey, user: "ben", groups: ["a", "b"])
        #expect(try key(["principal.user"], one, ann) != key(["principal.user"], one, ben))
        #expect(try key(["principal.groups"], one, ann) == key(["principal.groups"], one, ben))
    }

    @Test("neighbouring values do not run into each other")
    func boundaries() throws {
        let one = head(fields: [("x-a", "ab"), ("x-b", "c")])
        let two = head(fields: [("x-a", "a"), ("x-b", "bc")])
        let names = ["request.header.x-a", "request.header.x-b"]
        #expect(try key(names, one) != key(names, two))
    }

    @Test("an absent value is a value of its own")
    func absence() throws {
        let without = head()
        let empty = head(fields: [("x-a", "")])
        #expect(try key(["request.header.x-a"], without) == key(["request.header.x-a"], head(path: "/other")))
        #expect(try key(["request.header.x-a"], without) != key(["request.header.x-a"], empty))
    }
}

@Suite("Address lists judge by prefix")
struct IPAccessListTests {
    @Test(
        "deny wins, and an allow list refuses the rest",
        arguments: [
            (["10.0.0.0/8"], ["10.1.0.0/16"], "10.2.3.4", true), (["10.0.0.0/8"], ["10.1.0.0/16"], "10.1.3.4", false),
            (["10.0.0.0/8"], [], "11.0.0.1", false), ([], ["2001:db8::/32"], "2001:db8::1", false),
            ([], ["2001:db8::/32"], "2001:db9::1", true), (["0.0.0.0/0"], [], "203.0.113.9", true),
            (["0.0.0.0/0"], [], "2001:db8::1", false), ([], ["192.0.2.1"], "::ffff:192.0.2.1", false),
            (["::ffff:10.0.0.0/104"], [], "10.9.9.9", true), (["2001:db8::5"], [], "2001:db8::4", false),
        ] as [([String], [String], String, Bool)])
    func judge(allow: [String], deny: [String], address: String, expected: Bool) throws {
        let list = try IPAccessList(allow: allow, deny: deny)
        #expect(list.allows(try #require(IPAddress(address))) == expected)
    }

    @Test(
        "text that is no prefix is refused",
        arguments: [
            "", "10.0.0.0/33", "10.0.0.0/", "10.0.0.0/08", "10.0.0.1/8", "::/129", "example.test", "10.0.0.0/-1",
        ])
    func malformed(text: String) {
        #expect(throws: GatewayError.self) { try IPAccessList(allow: [text], deny: []) }
    }

    @Test("the stricter verdict wins")
    func verdicts() {
        let deny = Verdict.deny(rule: "a", reason: "no")
        let ask = Verdict(.ask, rule: "b")
        #expect(Verdict.allowed.and(ask).and(deny) == deny)
        #expect(deny.and(ask) == deny)
        #expect(ask.and(.allowed) == ask)
        #expect(Verdict.allowed.error == nil)
        #expect(deny.error?.code == .forbidden)
    }
}
