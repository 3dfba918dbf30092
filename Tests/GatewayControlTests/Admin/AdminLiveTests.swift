import GatewayModel
import GatewayRecords
import Synchronization
import Testing

@testable import GatewayControl

@Suite("The admin API shows what a running gateway lends it")
struct AdminLiveTests {
    @Test(.timeLimit(.minutes(1))) func `a watch tells the revision, then every change`() async throws {
        let fixture = try await AdminFixture()
        let stream = try #require(await fixture.stream("/v1/watch"))
        var iterator = stream.makeAsyncIterator()
        let first = try #require(await iterator.next())
        #expect(String(decoding: first, as: UTF8.self) == "event: revision\ndata: {\"revision\":2}\n\n")
        #expect(await fixture.ask("DELETE", "/v1/backends/default/own").status == 200)
        let second = String(decoding: try #require(await iterator.next()), as: UTF8.self)
        #expect(second.hasPrefix("event: change\ndata: {\"revision\":3,\"cause\":\"delete\""))
        #expect(second.hasSuffix("\n\n"))
    }

    @Test(.timeLimit(.minutes(1))) func `a tap is open while it is read and closed when its reader goes`() async throws
    {
        let tap = Tap()
        var services = AdminServices()
        services.tap = tap
        let fixture = try await AdminFixture(services: services)
        let stream = try #require(await fixture.stream("/v1/tap?status=5xx&path=/a"))
        #expect(tap.isActive)
        let reader = Task {
            var count = 0
            for await _ in stream { count += 1 }
            return count
        }
        reader.cancel()
        _ = await reader.value
        #expect(!tap.isActive)
    }

    @Test(.timeLimit(.minutes(1)), arguments: ["/v1/tap", "/v1/watch"])
    func `a stream ends when the gateway drains`(path: String) async throws {
        var services = AdminServices()
        services.tap = Tap()
        let drain = Drain()
        services.isDraining = { drain.has.withLock { $0 } }
        let fixture = try await AdminFixture(services: services)
        let stream = try #require(await fixture.stream(path))
        drain.has.withLock { $0 = true }
        for await _ in stream {}
        #expect(services.tap?.isActive == false)
        let late = await fixture.ask("GET", path)
        #expect(late.status == 503 && late.text.contains("SL-5002"))
    }

    @Test func `an export that begins in a drain is whole`() async throws {
        let folder = try TemporaryFolder()
        let first = try AuditLog(AuditFolder(stateFolder: folder.path))
        AuditTrail(log: first).record(AuditEvent(.finding, timeMilliseconds: AuditClock.wallMilliseconds))
        first.close()
        let log = try AuditLog(AuditFolder(stateFolder: folder.path))
        var services = AdminServices()
        services.audit = AuditTrail(log: log)
        services.isDraining = { true }
        let stream = try #require(await (try await AdminFixture(services: services)).stream("/v1/audit/export"))
        var bytes: [UInt8] = []
        for await part in stream { bytes += part }
        let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
        #expect(lines.count > 1 && lines.last?.hasPrefix("{\"end\":") == true)
        log.close()
    }

    @Test func `a gateway that drains answers questions and takes no change`() async throws {
        var services = AdminServices()
        services.isDraining = { true }
        let fixture = try await AdminFixture(services: services)
        let changes = [("POST", "/v1/apply"), ("DELETE", "/v1/backends/default/own"), ("POST", "/v1/rollback/1")]
        for (method, path) in changes {
            let answer = await fixture.ask(method, path, AdminFixture.own)
            #expect(answer.status == 503 && answer.text.contains("SL-5002"), "\(path): \(answer.text)")
        }
        #expect(await fixture.ask("GET", "/v1/backends/default/own").status == 200)
        #expect(await fixture.ask("POST", "/v1/apply?dryRun=true", AdminFixture.own).status == 200)
    }

    @Test(arguments: ["status=abc", "status=600-500", "status=99", "oneIn=x", "paht=/"])
    func `a wrong tap filter is refused`(query: String) async throws {
        let tap = Tap()
        var services = AdminServices()
        services.tap = tap
        let answer = await (try await AdminFixture(services: services)).ask("GET", "/v1/tap?\(query)")
        #expect(answer.status == 400)
        #expect(!tap.isActive)
    }

    @Test func `a trace is handed out once`() async throws {
        var services = AdminServices()
        let board = TraceBoard()
        services.traces = board
        let fixture = try await AdminFixture(services: services)
        #expect(!board.claim("t1"))
        let announced = await fixture.ask("POST", "/v1/traces")
        #expect(announced.status == 201)
        let token = try #require(announced.node["token"]?.string)
        #expect(board.claim(token))
        #expect(!board.claim(token))
        var trace = ExchangeTrace(token: "t1", startedNanoseconds: 0)
        trace.enter("match", nowNanoseconds: 10)
        trace.finish(nowNanoseconds: 30)
        board.post(trace)
        let first = await fixture.ask("GET", "/v1/traces/t1")
        #expect(first.status == 200)
        #expect(first.node["phases"]?.elements?.first?["name"]?.string == "match")
        #expect(await fixture.ask("GET", "/v1/traces/t1").status == 404)
    }

    @Test func `ready says 503 until it is, and while draining`() async throws {
        var services = AdminServices()
        services.isReady = { false }
        #expect(await (try await AdminFixture(services: services)).ask("GET", "/v1/ready").status == 503)
        services.isReady = { true }
        #expect(await (try await AdminFixture(services: services)).ask("GET", "/v1/ready").status == 200)
        services.isDraining = { true }
        let draining = try await AdminFixture(services: services)
        #expect(await draining.ask("GET", "/v1/ready").status == 503)
        #expect(await draining.ask("GET", "/v1/status").node["state"]?.string == "draining")
        #expect(await draining.ask("GET", "/v1/health").status == 200)
    }

    @Test func `a question reaches the routes as it was asked`() async throws {
        var services = AdminServices()
        services.explain = { question async throws(GatewayError) in
            .object([
                ("method", .text(question.method)), ("url", .text(question.url)),
                ("fields", .list(question.fields.map { .text("\($0.name)=\($0.value)") })),
            ])
        }
        let fixture = try await AdminFixture(services: services)
        let answer = await fixture.ask(
            "POST", "/v1/explain", "{\"url\": \"http://a/\", \"headers\": {\"x\": [\"1\", \"2\"], \"y\": \"3\"}}")
        #expect(answer.node["method"]?.string == "GET")
        #expect(answer.node["fields"]?.elements?.map(\.string) == ["x=1", "x=2", "y=3"])
        #expect(await fixture.ask("POST", "/v1/explain", "{\"uri\": \"http://a/\"}").status == 400)
        #expect(await fixture.ask("POST", "/v1/explain", "{}").status == 400)
        #expect(await fixture.ask("POST", "/v1/explain", "[]").status == 400)
    }

    @Test func `drain is passed on`() async throws {
        let counter = Counter()
        var services = AdminServices()
        services.drain = { counter.add() }
        #expect(await (try await AdminFixture(services: services)).ask("POST", "/v1/drain").status == 202)
        #expect(counter.value == 1)
        #expect(await (try await AdminFixture()).ask("POST", "/v1/drain").status == 404)
    }

    private final class Counter: Sendable {
        private let count = Mutex(0)
        var value: Int { count.withLock { $0 } }
        func add() { count.withLock { $0 += 1 } }
    }
}

/// Whether a gateway drains, as a test says.
private final class Drain: Sendable {
    let has = Mutex(false)
}
