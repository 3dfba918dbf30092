import Foundation
import GatewayControl
import GatewayModel
import GatewayProxy
import GatewayRuntime
import GatewayWorkbench
import NIOCore
import Testing

@Suite("Configurations change under load and nothing is lost or mixed", .timeLimit(.minutes(30)))
struct ReloadTests {
    /// A configuration that says its generation in every answer; every third has another port.
    private static func text(_ generation: Int, _ port: Int) -> String {
        let extra = generation % 3 == 0 ? ", {name: extra, protocol: HTTP, port: 8081}" : ""
        let filter = """
            filters:
              - type: ResponseHeaderModifier
                responseHeaderModifier: {set: [{name: x-generation, value: "\(generation)"}]}
              - type: RequestHeaderModifier
                requestHeaderModifier: {set: [{name: x-generation, value: "\(generation)"}]}
            """
        return Configuration.gateway.replacing("port: 8080}]", with: "port: 8080}\(extra)]") + "\n"
            + Configuration.route(rule: filter) + "\n"
            + Configuration.route("r\(generation % 5)", path: "/r\(generation % 5)", rule: filter) + "\n"
            + Configuration.backendObject("app", [port])
    }

    /// Replaces a file in one step, as an editor or a deployment does.
    private static func write(_ text: String, to file: URL) throws {
        try Data(text.utf8).write(to: file, options: .atomic)
    }

    /// No clock of the gateway ends anything while the machine is busy with something else.
    private static var patient: Limits {
        var limits = Limits.standard
        limits.headTimeoutMilliseconds = 120_000
        limits.bodyIdleTimeoutMilliseconds = 120_000
        limits.connectTimeoutMilliseconds = 120_000
        limits.upstreamIdleTimeoutMilliseconds = 120_000
        return limits
    }

    /// How many were asked for; the suite by itself sends fewer.
    private static let requests =
        ProcessInfo.processInfo.environment["SLUICE_RELOAD_REQUESTS"].flatMap { Int($0) } ?? 20_000

    @Test("a hundred changes while HTTP/1.1, HTTP/2 and WebSocket go on")
    func reloads() async throws {
        var options = MockHTTPServer.Options()
        options.answer = { request in
            guard let generation = request.headers.first("x-generation") else { return nil }
            let body = ByteBuffer(string: "\(generation) \(request.target)")
            return [
                .awaitBody, .head(200, [Header("content-length", "\(body.readableBytes)")]), .chunk(body), .end([]),
            ]
        }
        options.journaledRequestsMax = 16
        let mock = try await MockHTTPServer.start(options)
        let file = Box<URL?>(nil)
        let gateway = try await GatewayUnderTest.start(limits: Self.patient, drainTimeout: .seconds(120)) { folder in
            let path = folder.appending(path: "gateway.yaml")
            try Self.write(Self.text(0, mock.port), to: path)
            file.set(path)
            return .files([path.path])
        }
        let path = try #require(file.value)
        // Generations that may answer now: from the one that certainly serves to the one last written.
        let valid = Box((serving: 0, written: 0))
        let url = try gateway.url()
        let done = Box(false)
        let reloading = Task {
            for generation in 1...100 where !done.value {
                valid.update { $0.written = generation }
                try Self.write(Self.text(generation, mock.port), to: path)
                let client = WorkbenchClient()
                try await eventually("generation \(generation) serves") {
                    try await client.call("GET", url).headers.first("x-generation") == "\(generation)"
                }
                valid.update { $0.serving = generation }
            }
            return valid.value.serving
        }
        let perKind = Self.requests / 3
        let reports = await withTaskGroup(of: LoadReport.self) { group in
            for kind in ["h1", "h2", "ws"] {
                group.addTask { await Self.load(kind, url, perKind, valid) }
            }
            var reports: [LoadReport] = []
            for await report in group { reports.append(report) }
            return reports
        }
        let generation = try await reloading.value
        done.set(true)
        for report in reports {
            #expect(report.failures.isEmpty)
            #expect(report.verified == report.sent)
        }
        #expect(generation == 100)
        #expect(reports.reduce(0) { $0 + $1.verified } >= Self.requests * 9 / 10)

        try Self.write(Self.text(7, mock.port).replacing("backendRefs", with: "backendRef"), to: path)
        try await eventually("the broken file is noticed") {
            try await gateway.metrics().contains("sluice_config_reloads_total{result=\"refused\"} 1")
        }
        #expect(try await WorkbenchClient().call("GET", url).headers.first("x-generation") == "100")
        try await gateway.stop()
        await mock.stop()
    }

    private static func load(
        _ kind: String, _ url: String, _ count: Int, _ valid: Box<(serving: Int, written: Int)>
    ) async -> LoadReport {
        var plan = LoadPlan(url: kind == "ws" ? url.replacing("http://", with: "ws://") + "ws" : url)
        plan.connections = 4
        if kind == "h2" { plan.streamsPerConnection = 8 }
        plan.requestsPerConnection = count / 4
        // Longer than the suite may take: how busy the machine is says nothing about a lost request.
        plan.timeoutMilliseconds = 3_120_000
        if kind == "ws" {
            plan.kind = .webSocket
        } else {
            plan.request = {
                CallRequest("GET", "/r\($0 % 5)/\($0)", headers: [Header("x-least", "\(valid.value.serving)")])
            }
            plan.verify = { index, response in
                guard response.status == 200 else { return "status \(response.status)" }
                guard let generation = response.headers.first("x-generation").flatMap({ Int($0) }) else {
                    return "no generation"
                }
                // Both directions of one exchange see the same configuration, and its own answer.
                guard response.text == "\(generation) /r\(index % 5)/\(index)" else { return "mixed: \(response.text)" }
                return generation <= valid.value.written ? nil : "generation \(generation) is from the future"
            }
        }
        return await LoadGenerator(plan, client: WorkbenchClient(version: kind == "h2" ? .http2 : .http1)).run()
    }

    @Test("stopping lets long answers finish and takes no new connection")
    func drain() async throws {
        let mock = try await MockHTTPServer.start()
        let gateway = try await GatewayUnderTest.start(
            Configuration.simple(mock.port), limits: Self.patient, drainTimeout: .seconds(120))
        let client = WorkbenchClient()
        let url = try gateway.url("/chunks?n=40&size=1000&interval=20ms")
        let port = try gateway.port()
        let answers = await withTaskGroup(of: Int.self) { group in
            for _ in 0..<4 { group.addTask { (try? await client.call("GET", url).body.count) ?? -1 } }
            try? await mock.journal.wait(received: 4)
            let stopping = Task { try await gateway.stop() }
            try? await eventually("new connections are refused") {
                (try? await RawConnection.open(host: "127.0.0.1", port: port)) == nil
            }
            var answers: [Int] = []
            for await count in group { answers.append(count) }
            _ = try? await stopping.value
            return answers
        }
        #expect(answers == [40_000, 40_000, 40_000, 40_000])
        await mock.stop()
    }

    @Test("a listener changes from clear text to nothing and back")
    func ports() async throws {
        let mock = try await MockHTTPServer.start()
        let file = Box<URL?>(nil)
        let gateway = try await GatewayUnderTest.start { folder in
            let path = folder.appending(path: "gateway.yaml")
            try Self.write(Self.text(0, mock.port), to: path)
            file.set(path)
            return .files([path.path])
        }
        let path = try #require(file.value)
        let extra = try gateway.port(8081)
        #expect(try await WorkbenchClient().call("GET", "http://127.0.0.1:\(extra)/").status == 200)
        try Self.write(Self.text(1, mock.port), to: path)
        try await eventually("8081 is closed") {
            (try? await RawConnection.open(host: "127.0.0.1", port: extra)) == nil
        }
        try Self.write(Self.text(3, mock.port), to: path)
        try await eventually("8081 is back") { gateway.process.plane.boundPorts[8081] != nil }
        #expect(try await WorkbenchClient().call("GET", try gateway.url(port: 8081)).status == 200)
        try await gateway.stop()
        await mock.stop()
    }
}
