import GatewayModel
import GatewayProxy
import GatewayWire
import Glibc

/// Runs one part of the request path many times, for callgrind to count: `measure parse 2000`. What it prints
/// depends on every round, so that nothing is optimised away.
@main
struct Measure {
    static func main() {
        let words = CommandLine.arguments
        guard words.count == 3, let rounds = Int(words[2]), rounds >= 0, let sum = run(words[1], rounds) else {
            print("usage: measure parse|match|serialise|token-warm|audit-log ROUNDS")
            exit(2)
        }
        print(sum)
    }

    static func run(_ part: String, _ rounds: Int) -> Int? {
        switch part {
        case "parse": parse(rounds)
        case "match": match(rounds)
        case "serialise": serialise(rounds)
        case "token-warm": tokenWarm(rounds)
        case "audit-log": auditLog(rounds)
        default: nil
        }
    }

    /// A request as a browser's library sends it: eight fields.
    static let request = Array(
        """
        GET /api/v1/items/4711?fields=name,price&page=2 HTTP/1.1\r
        Host: app-42.example.com:8080\r
        User-Agent: measure/1.0 (linux; x86_64)\r
        Accept: application/json, text/plain;q=0.9, */*;q=0.1\r
        Accept-Encoding: gzip, zstd\r
        Accept-Language: en-GB,en;q=0.8\r
        Authorization: Bearer abcdefghijklmnopqrstuvwxyz0123456789\r
        Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r
        X-Request-Id: 6fd2a3a4-9f63-4e3b-8c3a-1f0b6a1d2c3e\r
        \r

        """.utf8)

    /// The head all parts work on; the request is fixed, so a refusal is a mistake of this file.
    static func parsed() -> RequestHead {
        var parser = HTTP1RequestParser(limits: .standard)
        var head = RequestHead()
        let taken = try? parser.parse(request.span, into: &head)
        precondition(taken == request.count, "the request of the measurement is refused")
        return head
    }

    static func parse(_ rounds: Int) -> Int {
        var parser = HTTP1RequestParser(limits: .standard)
        var head = RequestHead()
        var sum = 0
        for _ in 0..<rounds {
            sum &+= (try? parser.parse(request.span, into: &head)) ?? 0
            sum &+= head.fields.count
        }
        return sum
    }

    static func serialise(_ rounds: Int) -> Int {
        let head = parsed()
        var response = ResponseHead(status: 200)
        for (name, value) in [
            ("content-type", "application/json"), ("cache-control", "no-store"), ("etag", "\"0123456789\""),
            ("date", "Mon, 23 Nov 2026 20:00:00 GMT"), ("vary", "accept-encoding"),
        ] {
            response.fields.append(name, value)
        }
        let room = HTTP1Serializer.bytesMax(request: head) + HTTP1Serializer.bytesMax(response: response)
        var memory = [UInt8](repeating: 0, count: room)
        var sum = 0
        for _ in 0..<rounds {
            // Safe: the writer checks every write against the memory's end, and does not outlive the closure.
            sum &+= unsafe memory.withUnsafeMutableBytes { bytes in
                guard let base = bytes.baseAddress else { return 0 }
                var out = unsafe ByteWriter(base: base, limit: bytes.count)
                HTTP1Serializer.write(request: head, framing: .none, to: &out)
                HTTP1Serializer.write(response: response, framing: .length(1024), to: &out)
                return out.count
            }
        }
        return sum
    }

    /// A hundred hosts of three prefixes each.
    static func match(_ rounds: Int) -> Int {
        let head = parsed()
        let router = Router(
            listeners: [CompiledListener(name: "default/edge/http", hostname: "")],
            entries: (0..<100).flatMap { host in
                ["/", "/api", "/api/v1"].enumerated().map { index, prefix in
                    RouteEntry(
                        listener: 0, hostname: "app-\(host).example.com", path: .prefix(Array(prefix.utf8)),
                        order: RouteOrder(name: "default/app-\(host)", rule: index, match: 0),
                        rule: CompiledRule(
                            routeName: "default/app-\(host)", ruleIndex: index, metricSlot: host,
                            action: .forward([], totalWeight: 0)))
                }
            })
        var sum = 0
        for _ in 0..<rounds {
            guard case .rule(let rule, _, let bytes) = router.match(head, serverName: []) else { continue }
            sum &+= rule.metricSlot &+ bytes
        }
        precondition(rounds == 0 || sum == rounds &* (42 &+ 7), "the match of the measurement went elsewhere")
        return sum
    }
}
