import GatewayModel
import GatewayPolicy
import GatewayWire
import Testing

@testable import GatewayProxy

@Suite("The router finds the rule by the Gateway API's precedence")
struct RouterTests {
    @Test(
        "prefixes match by path element, exact paths byte for byte",
        arguments: [
            ("/", "root"), ("/x", "root"), ("/foo", "foo"), ("/foo/", "foo"), ("/foo/x", "foo"), ("/foobar", "root"),
            ("/foo/bar", "foobar"), ("/foo/bar/", "foobar"), ("/foo/bar/baz", "foobar"), ("/foo/barx", "foo"),
            ("/exact", "exact"), ("/exact/", "root"), ("/exact/x", "root"), ("/slash/", "slash"), ("/slash", "root"),
            ("/foo/exact", "deep"), ("/foo//bar", "foo"), ("//foo", "root"), ("/foo?a=/bar", "foo"),
            ("/trail", "trail"), ("/trail/x", "trail"), ("/foo%2Fbar", "root"),
        ])
    func paths(target: String, expected: String) {
        var table = RouteTable()
        table.add("root", path: .prefix("/"))
        table.add("foo", path: .prefix("/foo"))
        table.add("foobar", path: .prefix("/foo/bar"))
        table.add("trail", path: .prefix("/trail/"))
        table.add("exact", path: .exact("/exact"))
        table.add("slash", path: .exact("/slash/"))
        table.add("deep", path: .exact("/foo/exact"))
        #expect(table.router.answer(.test(target)) == expected)
    }

    @Test("the matched length is the prefix without its trailing slash")
    func matchedLength() {
        var table = RouteTable()
        table.add("root", path: .prefix("/"))
        table.add("foo", path: .prefix("/foo/"))
        table.add("exact", path: .exact("/foo/exact"))
        for (target, expected) in [("/", 0), ("/x/y", 0), ("/foo", 4), ("/foo/bar/baz", 4), ("/foo/exact", 10)] {
            guard case .rule(_, _, let bytes) = table.router.match(.test(target), serverName: []) else {
                Issue.record("no rule for \(target)")
                continue
            }
            #expect(bytes == expected, "\(target)")
        }
    }

    @Test("an exact path goes before a regular expression, and that before a prefix")
    func regexPlace() throws {
        var table = RouteTable()
        table.add("prefix", path: .prefix("/a/b"))
        table.add("regex", path: try .regex("/a/.*"))
        table.add("longer", path: try .regex("/a/b/c.*"))
        table.add("exact", path: .exact("/a/b/c"))
        let router = table.router
        #expect(router.answer(.test("/a/b/c")) == "exact")
        #expect(router.answer(.test("/a/b/cd")) == "longer")
        #expect(router.answer(.test("/a/b/d")) == "regex")
        #expect(router.answer(.test("/a")) == "404")
    }

    @Test("a more specific rule whose conditions do not hold gives way to the next one")
    func fallThrough() {
        var table = RouteTable()
        table.add("any host", path: .prefix("/"))
        table.add(
            "host", host: "example.com", path: .prefix("/a"), condition: RouteCondition(method: Array("PUT".utf8)))
        table.add(
            "deep", host: "example.com", path: .prefix("/a/b"),
            condition: RouteCondition(headers: [ValueMatch("x", "1")]))
        let router = table.router
        #expect(router.answer(.test("/a/b", method: "PUT", headers: [("x", "1")])) == "deep")
        #expect(router.answer(.test("/a/b", method: "PUT")) == "host")
        #expect(router.answer(.test("/a/b")) == "any host")
    }

    @Test("among equal paths: method, headers, queries, age, name, order")
    func precedence() {
        let get = Array("GET".utf8)
        let one = [ValueMatch("a", "1")]
        let two = [ValueMatch("a", "1"), ValueMatch("b", "2")]
        let ranks: [(String, RouteCondition, Int64)] = [
            ("method", RouteCondition(method: get), 9),
            ("two headers", RouteCondition(headers: two), 9),
            ("header and query", RouteCondition(headers: one, queries: one), 9),
            ("header", RouteCondition(headers: one), 9),
            ("two queries", RouteCondition(queries: two), 9),
            ("query", RouteCondition(queries: one), 9),
            ("old", .none, 1),
            ("a young", .none, 2),
            ("b young", .none, 2),
        ]
        let request = RequestHead.test("/?a=1&b=2", headers: [("a", "1"), ("b", "2")])
        // Whatever the order they are written in, taking the winner away lets the next one win.
        for start in ranks.indices {
            var table = RouteTable()
            for (name, condition, created) in ranks[start...].reversed() {
                table.add(name, condition: condition, created: created)
            }
            #expect(table.router.answer(request) == ranks[start].0)
        }
        var table = RouteTable()
        table.add("same", created: 1, rule: 1)
        table.add("same", created: 1, rule: 0)
        guard case .rule(let rule, _, _) = table.router.match(request, serverName: []) else {
            Issue.record("no rule")
            return
        }
        #expect(rule.ruleIndex == 0)
    }

    @Test(
        "host names: exact, then the longest wildcard, then any",
        arguments: [
            ("a.example.com", "exact"), ("a.example.com:8080", "exact"), ("b.example.com", "wild"),
            ("x.b.example.com", "longer"), ("x.y.b.example.com", "longer"), ("x.a.example.com", "wild"),
            ("example.com", "any"), ("xexample.com", "any"), (".example.com", "any"), ("", "any"), ("[::1]:80", "any"),
            ("127.0.0.1", "address"), ("127.0.0.1:80", "address"),
        ])
    func hosts(host: String, expected: String) {
        var table = RouteTable()
        table.add("any")
        table.add("wild", host: "*.example.com")
        table.add("longer", host: "*.b.example.com")
        table.add("exact", host: "a.example.com")
        table.add("address", host: "127.0.0.1")
        #expect(table.router.answer(.test("/", host: host)) == expected)
    }

    @Test(
        "a request belongs to the most specific listener, and only its routes serve it",
        arguments: [
            ("bar.com", "/empty-hostname", "empty"), ("bar.com", "/wildcard-example-com", "404"),
            ("bar.example.com", "/wildcard-example-com", "wildcard"), ("bar.example.com", "/empty-hostname", "404"),
            ("bar.foo.example.com", "/wildcard-foo-example-com", "foo wildcard"),
            ("bar.foo.example.com", "/wildcard-example-com", "404"), ("abc.foo.example.com", "/abc", "abc"),
            ("abc.foo.example.com", "/wildcard-foo-example-com", "404"),
        ])
    func isolation(host: String, path: String, expected: String) {
        var table = RouteTable()
        table.listeners = ["", "*.example.com", "*.foo.example.com", "abc.foo.example.com"].map {
            CompiledListener(name: $0, hostname: $0)
        }
        table.add("empty", path: .prefix("/empty-hostname"), listener: 0)
        table.add("wildcard", host: "*.example.com", path: .prefix("/wildcard-example-com"), listener: 1)
        table.add("foo wildcard", host: "*.foo.example.com", path: .prefix("/wildcard-foo-example-com"), listener: 2)
        table.add("abc", host: "abc.foo.example.com", path: .prefix("/abc"), listener: 3)
        #expect(table.router.answer(.test(path, host: host)) == expected)
    }

    @Test("without a listener for the host nothing is found")
    func noListener() {
        var table = RouteTable()
        table.listeners = [CompiledListener(name: "one", hostname: "one.example.com")]
        table.add("one", host: "one.example.com")
        guard case .notFound(let listener) = table.router.match(.test("/", host: "two.example.com"), serverName: [])
        else {
            Issue.record("found something")
            return
        }
        #expect(listener == -1)
        #expect(Router().answer(.test("/")) == "404")
    }

    @Test("what is the gateway's own no route takes over, by host, by path, by condition or by age")
    func reserved() throws {
        var table = RouteTable()
        table.add("own", path: .prefix("/oauth/connect"), isReserved: true)
        table.add("host", host: "gateway.example", created: 1)
        table.add("exact", host: "gateway.example", path: .exact("/oauth/connect/start"), created: 1)
        table.add("regex", path: try .regex("/oauth/.*"), created: 1)
        table.add("method", path: .prefix("/oauth/connect"), condition: RouteCondition(method: Array("GET".utf8)))
        let router = table.router
        for host in ["gateway.example", "other.example"] {
            #expect(router.answer(.test("/oauth/connect/start?flow=x", host: host)) == "own")
        }
        #expect(router.answer(.test("/oauth/connected", host: "gateway.example")) == "host")
        #expect(router.answer(.test("/oauth/token", host: "other.example")) == "regex")
    }

    @Test(
        "over TLS the host must belong to the listener of the server name",
        arguments: [
            ("example.org", "example.org", "any"), ("example.org", "second.org", "421"),
            ("example.org", "unknown.org", "any"), ("second.org", "second.org", "second"),
            ("second.org", "example.org", "421"), ("third.wild.org", "fifth.wild.org", "wild"),
            ("third.wild.org", "fourth.wild.org", "421"), ("fourth.wild.org", "fifth.wild.org", "421"),
            ("", "second.org", "421"), ("", "example.org", "any"),
        ])
    func misdirected(serverName: String, host: String, expected: String) {
        var table = RouteTable()
        table.isTLS = true
        let hosts = ["", "second.org", "*.wild.org", "fourth.wild.org"]
        table.listeners = hosts.map { CompiledListener(name: $0, hostname: $0) }
        for (index, name) in ["any", "second", "wild", "fourth"].enumerated() {
            table.add(name, host: hosts[index], listener: index)
        }
        #expect(table.router.answer(.test("/", host: host), serverName: serverName) == expected)
        table.isTLS = false
        #expect(table.router.answer(.test("/", host: host), serverName: serverName) != "421")
    }

    @Test("a thousand routes are told apart")
    func thousand() {
        var table = RouteTable()
        for index in 0..<1_000 {
            table.add("path \(index)", host: "example.com", path: .prefix("/service-\(index)/v1"))
            table.add("host \(index)", host: "h\(index).example.com")
        }
        let router = table.router
        for index in stride(from: 0, to: 1_000, by: 37) {
            #expect(router.answer(.test("/service-\(index)/v1/x")) == "path \(index)")
            #expect(router.answer(.test("/service-\(index)/v2/x")) == "404")
            #expect(router.answer(.test("/", host: "h\(index).example.com")) == "host \(index)")
        }
    }
}
