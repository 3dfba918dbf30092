import Foundation
import GatewayWorkbench
import Testing

/// One request of an upstream test, and what must come of it.
struct Case: Sendable {
    // What is asked
    var path: String
    var host: String?
    var method = "GET"
    var headers: [String: String] = [:]
    /// Headers the backend is told to answer with.
    var backendAnswers: [String: String] = [:]
    /// The configured port; the gateway's first by default.
    var port: Int?
    /// SNI; nil for clear text.
    var serverName: String?
    var version = Destination.HTTPVersion.automatic

    // What is expected
    var statuses: [Int] = [200]
    /// The Service whose pod must answer; nil when none may.
    var backend: String?
    var namespace = Pods.infrastructure
    /// What the backend must see; as asked where nothing is said.
    var seenPath: String?
    var seenHost: String?
    var seen: [String: String] = [:]
    var unseen: [String] = []
    /// Response headers: any of the values, white space aside.
    var answers: [String: [String]] = [:]
    var unanswered: [String] = []
    var location: Location?

    /// Parts of a redirect; a part that is nil is not compared, but the port, which then must not be written.
    struct Location: Sendable {
        var scheme: String?
        var host: String?
        var port: Int?
        var path: String?
    }

    /// Served by this backend.
    static func served(
        _ path: String, host: String? = nil, _ headers: [String: String] = [:], method: String = "GET",
        by backend: String, port: Int? = nil
    ) -> Case {
        Case(path: path, host: host, method: method, headers: headers, port: port, backend: backend)
    }

    /// Answered by the gateway itself.
    static func refused(
        _ path: String, host: String? = nil, _ headers: [String: String] = [:], method: String = "GET",
        status: Int = 404, port: Int? = nil
    ) -> Case {
        Case(path: path, host: host, method: method, headers: headers, port: port, statuses: [status])
    }

    /// Sent elsewhere.
    static func redirected(
        _ path: String, host: String? = nil, method: String = "GET", _ status: Int = 302, to location: Location,
        port: Int? = nil, serverName: String? = nil
    ) -> Case {
        Case(
            path: path, host: host, method: method, port: port, serverName: serverName, statuses: [status],
            location: location)
    }

    // MARK: Running

    /// What `echo-basic` says of a request.
    struct Echo: Decodable {
        var path: String
        var host: String
        var method: String
        var proto: String
        var headers: [String: [String]]
        var namespace: String
        var pod: String
    }

    /// Sends the request and returns what came back.
    func send(to edge: Edge) async throws -> CompletedResponse {
        var tls = ClientTLS()
        tls.insecure = true
        tls.serverName = serverName
        let bound = try edge.port(port)
        let client = WorkbenchClient(version: version, via: .host("127.0.0.1", port: bound), tls: tls)
        var list = headers.map { Header($0.key, $0.value) }
        list.append(Header("Host", host ?? "127.0.0.1:\(bound)"))
        if !backendAnswers.isEmpty {
            let values = backendAnswers.map { "\($0.key):\($0.value)" }.joined(separator: ",")
            list.append(Header("X-Echo-Set-Header", values))
        }
        let scheme = serverName == nil ? "http" : "https"
        return try await client.call(method, "\(scheme)://127.0.0.1:\(bound)\(path)", headers: list)
    }

    /// Sends the request and checks everything that is expected.
    func run(on edge: Edge, sourceLocation: SourceLocation = #_sourceLocation) async throws {
        let answer = try await send(to: edge)
        let name: Comment = "\(edge.gateway): \(method) \(host ?? "")\(path) \(headers)"
        #expect(statuses.contains(answer.status), name, sourceLocation: sourceLocation)
        for (header, allowed) in answers {
            let value = answer.headers.all(header).joined(separator: ",").filter { $0 != " " }
            #expect(
                allowed.contains { $0.filter { $0 != " " } == value }, "\(name) \(header): \(value)",
                sourceLocation: sourceLocation)
        }
        for header in unanswered {
            #expect(!answer.headers.has(header), "\(name) \(header)", sourceLocation: sourceLocation)
        }
        if let location { check(location, answer, name, sourceLocation) }
        guard let backend else { return }
        let echo = try #require(
            try? JSONDecoder().decode(Echo.self, from: Data(answer.body)), "\(name) \(answer.status) \(answer.text)",
            sourceLocation: sourceLocation)
        #expect(echo.pod.hasPrefix(backend), name, sourceLocation: sourceLocation)
        #expect(echo.namespace == namespace, name, sourceLocation: sourceLocation)
        check(echo, name, sourceLocation)
    }

    private func check(_ echo: Echo, _ name: Comment, _ sourceLocation: SourceLocation) {
        #expect(echo.path == seenPath ?? path, name, sourceLocation: sourceLocation)
        #expect(echo.method == method, name, sourceLocation: sourceLocation)
        if let host = seenHost ?? host { #expect(echo.host == host, name, sourceLocation: sourceLocation) }
        for (header, value) in seen {
            // Go's suite joins repeated fields with a comma.
            let found = echo.headers[canonicalHeaderName(header)]?.joined(separator: ",")
            #expect(found == value, "\(name) \(header)", sourceLocation: sourceLocation)
        }
        for header in unseen {
            #expect(
                echo.headers[canonicalHeaderName(header)] == nil, "\(name) \(header)", sourceLocation: sourceLocation)
        }
    }

    private func check(
        _ expected: Location, _ answer: CompletedResponse, _ name: Comment, _ sourceLocation: SourceLocation
    ) {
        let text = answer.headers.first("Location") ?? ""
        let found = URLComponents(string: text)
        let name: Comment = "\(name) location \(text)"
        if let scheme = expected.scheme { #expect(found?.scheme == scheme, name, sourceLocation: sourceLocation) }
        #expect(found?.host == expected.host ?? hostWithoutPort, name, sourceLocation: sourceLocation)
        if let path = expected.path { #expect(found?.path == path, name, sourceLocation: sourceLocation) }
        #expect(found?.port == expected.port, name, sourceLocation: sourceLocation)
    }

    private var hostWithoutPort: String {
        (host ?? "127.0.0.1").split(separator: ":").first.map(String.init) ?? ""
    }
}
