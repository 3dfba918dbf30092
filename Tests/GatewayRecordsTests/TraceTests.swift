import Foundation
import GatewayModel
import GatewayWire
import Synchronization
import Testing

@testable import GatewayRecords

@Suite("Spans follow the OTLP JSON mapping")
struct OTLPTraceTests {
    private func spans(_ change: (inout RequestRecord) -> Void = { _ in }) throws -> [[String: Any]] {
        var (record, head) = exchange()
        record.traceID = (1, 2)
        record.spanID = 3
        record.parentSpanID = 4
        record.traceSampled = true
        change(&record)
        let body = OTLPTraces.encode([SpanRecord(record, head, freshSpanID: 5)], resource: OTLPResource())
        head.reset()
        let root = try #require(try JSONSerialization.jsonObject(with: Data(body)) as? [String: Any])
        let resource = try #require((root["resourceSpans"] as? [[String: Any]])?.first)
        return try #require((resource["scopeSpans"] as? [[String: Any]])?.first?["spans"] as? [[String: Any]])
    }

    private func attribute(_ span: [String: Any], _ name: String) -> String? {
        let attributes = span["attributes"] as? [[String: Any]] ?? []
        let value = attributes.first { $0["key"] as? String == name }?["value"] as? [String: Any]
        return value?["stringValue"] as? String ?? value?["intValue"] as? String
    }

    @Test("a server span, and the client span that went upstream under it")
    func pair() throws {
        let spans = try spans()
        #expect(spans.count == 2)
        let server = spans[0]
        #expect(server["traceId"] as? String == "00000000000000010000000000000002")
        #expect(server["spanId"] as? String == "0000000000000005")
        #expect(server["parentSpanId"] as? String == "0000000000000004")
        #expect(server["kind"] as? Int == 2)
        #expect(server["startTimeUnixNano"] as? String == "1795463161123456789")
        #expect(server["endTimeUnixNano"] as? String == "1795463161125956789")
        let client = spans[1]
        #expect(client["spanId"] as? String == "0000000000000003")
        #expect(client["parentSpanId"] as? String == "0000000000000005")
        #expect(client["kind"] as? Int == 3)
        #expect(attribute(client, "server.address") == "127.0.0.1")
        #expect(attribute(client, "server.port") == "9000")
        #expect(((client["events"] as? [[String: Any]]) ?? []).count == 2)
    }

    @Test(
        "semantic conventions",
        arguments: [
            ("http.request.method", "GET"), ("url.path", "/v1/items"), ("server.address", "api.test"),
            ("http.response.status_code", "200"), ("http.route", "prod/app"), ("network.protocol.version", "1.1"),
            ("client.address", "192.0.2.7"), ("user_agent.original", "curl/8.0"), ("user.id", "ann"),
        ])
    func conventions(name: String, value: String) throws {
        #expect(attribute(try spans()[0], name) == value)
    }

    @Test(
        "a call of a tool is told in the words for MCP",
        arguments: [
            ("mcp.method.name", "tools/call"), ("mcp.session.id", "s1"), ("mcp.protocol.version", "2025-11-25"),
            ("jsonrpc.request.id", "7"), ("gen_ai.tool.name", "get"), ("gen_ai.operation.name", "execute_tool"),
            ("network.transport", "tcp"), ("rpc.response.status_code", "-32602"), ("error.type", "-32602"),
        ])
    func tools(name: String, value: String) throws {
        var call = ToolCallRecord(method: "tools/call")
        (call.session, call.revision, call.requestID, call.item) = ("s1", "2025-11-25", "7", "get")
        (call.result, call.errorCode) = (.failed, -32602)
        let span = try spans {
            ($0.toolCall, $0.errorCode, $0.status) = (ToolCallNote(call), .upstreamProtocolError, 200)
        }[0]
        #expect(span["name"] as? String == "tools/call get")
        #expect(attribute(span, name) == value)
        let names = (span["attributes"] as? [[String: Any]] ?? []).compactMap { $0["key"] as? String }
        #expect(Set(names).count == names.count, "\(names)")
        #expect((span["status"] as? [String: Any])?["code"] as? Int == 2)
    }

    @Test(
        "what of a call of a tool has failed",
        arguments: [
            (ToolCallRecord.Result.ok, nil, nil), (.waiting, nil, nil), (.toolError, nil, "tool_error"),
            (.refused, 3020, "3020"), (.failed, nil, "_OTHER"),
        ] as [(ToolCallRecord.Result, Int?, String?)])
    func toolErrors(result: ToolCallRecord.Result, code: Int?, type: String?) {
        var call = ToolCallRecord(method: "tools/call")
        (call.result, call.errorCode) = (result, code)
        #expect(ToolSpan.errorType(call) == type)
    }

    @Test("no secret and no query leaves by a span")
    func secrets() throws {
        let (record, head) = exchange(query: "token=sk-secret")
        let body = OTLPTraces.encode([SpanRecord(record, head, freshSpanID: 5)], resource: OTLPResource())
        #expect(!String(decoding: body, as: UTF8.self).contains("sk-secret"))
    }

    @Test("without an upstream there is one span; errors are marked", arguments: [(404, false), (503, true)])
    func refused(status: Int, isError: Bool) throws {
        let spans = try spans {
            $0.upstreamAddress = ""
            $0.status = status
        }
        #expect(spans.count == 1)
        #expect(spans[0]["spanId"] as? String == "0000000000000003")
        #expect(((spans[0]["status"] as? [String: Any])?["code"] as? Int == 2) == isError)
    }

    @Test(
        "authorities",
        arguments: [
            ("a.test", "a.test", nil), ("a.test:80", "a.test", 80), ("[::1]:80", "[::1]", 80), ("::1", "::1", nil),
            ("[::1]", "[::1]", nil),
        ]
            as [(String, String, Int?)])
    func authorities(text: String, host: String, port: Int?) {
        #expect(Authority(text).host == host && Authority(text).port == port)
    }
}

@Suite("The exporter is bounded and patient", .timeLimit(.minutes(1)))
struct OTLPExporterTests {
    /// Answers given in turn, and what was asked.
    private final class Collector: Sendable {
        let answers: Mutex<[OTLPResponse]>
        let requests = Mutex<[OTLPRequest]>([])
        let pauses = Mutex<[Int]>([])
        init(_ answers: [OTLPResponse]) { self.answers = Mutex(answers) }
    }

    private func exporter(_ collector: Collector, spans: SpanQueue?, registry: MetricRegistry? = nil) -> OTLPExporter {
        var settings = OTLPExporter.Settings()
        settings.spansPerBatchMax = 2
        settings.attemptsMax = 3
        return OTLPExporter(
            spans: spans, registry: registry, resource: OTLPResource(), settings: settings, wallNanoseconds: { 9 },
            pause: { milliseconds in collector.pauses.withLock { $0.append(milliseconds) } },
            send: { request in
                collector.requests.withLock { $0.append(request) }
                return collector.answers.withLock { $0.isEmpty ? OTLPResponse(status: 200) : $0.removeFirst() }
            })
    }

    private func queue(_ count: Int, spansMax: Int = 8) -> SpanQueue {
        let queue = SpanQueue(spansMax: spansMax)
        let (record, head) = exchange()
        var spans = (0..<count).map { SpanRecord(record, head, freshSpanID: UInt64($0)) }
        #expect(queue.offer(&spans))
        return queue
    }

    @Test("spans go in batches")
    func batches() async {
        let collector = Collector([])
        let queue = queue(5)
        await exporter(collector, spans: queue).exportSpans()
        #expect(collector.requests.withLock { $0.map(\.path) } == ["/v1/traces", "/v1/traces", "/v1/traces"])
        #expect(queue.count == 0 && queue.droppedSpans == 0)
    }

    @Test("a full queue drops and counts")
    func full() { #expect(queue(10, spansMax: 8).droppedSpans == 2) }

    @Test(
        "retries back off, and obey Retry-After",
        arguments: [
            ([503, 200], [nil, nil], [1_000], 0), ([429, 200], [7, nil], [7_000], 0),
            ([0, 502, 200], [nil, nil, nil], [1_000, 2_000], 0),
            ([504, 504, 504], [nil, nil, nil], [1_000, 2_000], 2),
            ([400], [nil], [], 2), ([500], [nil], [], 2),
        ] as [([Int], [Int?], [Int], UInt64)])
    func retries(statuses: [Int], after: [Int?], pauses: [Int], dropped: UInt64) async {
        let collector = Collector(zip(statuses, after).map { OTLPResponse(status: $0, retryAfterSeconds: $1) })
        let queue = queue(2)
        await exporter(collector, spans: queue).exportSpans()
        #expect(collector.pauses.withLock { $0 } == pauses)
        #expect(collector.requests.withLock { $0.count } == statuses.count)
        #expect(queue.droppedSpans == dropped)
    }

    @Test("metrics are sent whole")
    func metrics() async {
        let collector = Collector([])
        await exporter(collector, spans: nil, registry: MetricRegistry()).exportMetrics()
        #expect(collector.requests.withLock { $0.map(\.path) } == ["/v1/metrics"])
    }

    @Test("the recorder hands sampled exchanges over at its tick")
    func recorder() {
        let queue = SpanQueue()
        let recorder = LoopRecorder(metrics: MetricRegistry().makeLoop(), log: nil, spans: queue)
        var (record, head) = exchange()
        recorder.record(record, request: head)
        record.traceSampled = true
        recorder.record(record, request: head)
        recorder.tick(nowNanoseconds: 1)
        #expect(queue.count == 1)
        head.reset()
    }
}

@Suite("A tap shows live exchanges to who listens")
struct TapTests {
    private func recorder(_ tap: Tap) -> LoopRecorder {
        LoopRecorder(metrics: MetricRegistry().makeLoop(), log: nil, tap: tap)
    }

    private func count(_ bytes: [UInt8]) -> Int { bytes.count { $0 == 0x0A } }

    @Test("lines are redacted and end with the subscription")
    func lines() throws {
        let tap = Tap()
        let recorder = recorder(tap)
        let (record, head) = exchange()
        recorder.record(record, request: head)
        let subscription = try tap.subscribe(TapFilter())
        recorder.record(record, request: head)
        let lines = subscription.drain()
        #expect(count(lines) == 1)
        #expect(String(decoding: lines, as: UTF8.self).contains("\"path\":\"/v1/items?page=&token=\""))
        #expect(subscription.drain().isEmpty)
        tap.unsubscribe(subscription)
        #expect(!tap.isActive)
        recorder.record(record, request: head)
        #expect(subscription.drain().isEmpty)
    }

    private static func filter(_ set: (inout TapFilter) -> Void) -> TapFilter {
        var filter = TapFilter()
        set(&filter)
        return filter
    }

    @Test(
        "filters",
        arguments: [
            (filter { $0.method = "GET" }, true), (filter { $0.method = "POST" }, false),
            (filter { $0.host = "api.test" }, true), (filter { $0.host = "api.tes" }, false),
            (filter { $0.pathPrefix = "/v1" }, true), (filter { $0.pathPrefix = "/v2" }, false),
            (
                filter {
                    $0.statusMin = 200
                    $0.statusMax = 299
                }, true
            ), (filter { $0.statusMin = 400 }, false),
            (filter { $0.route = "prod/app" }, true), (filter { $0.route = "prod" }, false),
            (filter { $0.principal = "acme" }, true), (filter { $0.principal = "ben" }, false),
            (
                filter {
                    $0.method = "GET"
                    $0.route = "other"
                }, false
            ),
        ])
    func filters(filter: TapFilter, isShown: Bool) throws {
        let tap = Tap()
        let recorder = recorder(tap)
        let subscription = try tap.subscribe(filter)
        let (record, head) = exchange()
        recorder.record(record, request: head)
        #expect(count(subscription.drain()) == (isShown ? 1 : 0))
    }

    @Test("sampling keeps errors and slow ones")
    func sampling() throws {
        let tap = Tap()
        let recorder = recorder(tap)
        let subscription = try tap.subscribe(
            TapTests.filter {
                $0.oneIn = 10
                $0.slowMilliseconds = 2
            })
        var (record, head) = exchange()
        record.endedNanoseconds = record.startedNanoseconds + 1_000
        for _ in 0..<100 { recorder.record(record, request: head) }
        #expect(count(subscription.drain()) == 10)
        record.status = 502
        for _ in 0..<5 { recorder.record(record, request: head) }
        record.status = 200
        record.endedNanoseconds = record.startedNanoseconds + 2_000_000
        for _ in 0..<5 { recorder.record(record, request: head) }
        #expect(count(subscription.drain()) == 10)
        head.reset()
    }

    @Test("a slow listener loses lines and is told how many")
    func slow() throws {
        let tap = Tap()
        let recorder = recorder(tap)
        let subscription = try tap.subscribe(TapFilter(), linesMax: 3)
        let (record, head) = exchange()
        for _ in 0..<10 { recorder.record(record, request: head) }
        let text = String(decoding: subscription.drain(), as: UTF8.self)
        #expect(text.hasPrefix("{\"lost\":7}\n"))
        #expect(text.split(separator: "\n").count == 4)
        #expect(tap.lostLines == 7)
    }

    @Test("listeners are bounded")
    func bounded() throws {
        let tap = Tap()
        for _ in 0..<Tap.subscribersMax { _ = try tap.subscribe(TapFilter()) }
        #expect(throws: GatewayError.self) { try tap.subscribe(TapFilter()) }
    }
}

@Suite("A trace shows the phases and who decided")
struct ExchangeTraceTests {
    private func trace() -> ExchangeTrace {
        var trace = ExchangeTrace(token: "t1", startedNanoseconds: 1_000)
        trace.enter("match", nowNanoseconds: 1_000)
        trace.note("route prod/app rule 1")
        trace.enter("decide", nowNanoseconds: 3_500)
        trace.finish(nowNanoseconds: 13_600)
        return trace
    }

    @Test("times are since the start")
    func times() {
        #expect(
            trace().phases == [
                .init(name: "match", startNanoseconds: 0, durationNanoseconds: 2_500, note: "route prod/app rule 1"),
                .init(name: "decide", startNanoseconds: 2_500, durationNanoseconds: 10_100, note: ""),
            ])
        #expect(trace().durationNanoseconds == 12_600)
    }

    @Test("as JSON and as a table")
    func forms() {
        #expect(
            String(decoding: trace().json(), as: UTF8.self) == """
                {"token":"t1","duration_ns":12600,"phases":[\
                {"name":"match","start_ns":0,"duration_ns":2500,"note":"route prod/app rule 1"},\
                {"name":"decide","start_ns":2500,"duration_ns":10100}]}
                """)
        #expect(
            trace().table() == """
                PHASE   START µs  TOOK µs  DECIDED
                match        0.0      2.5  route prod/app rule 1
                decide       2.5     10.1

                """)
    }

    @Test("phases and notes are bounded")
    func bounds() {
        var trace = ExchangeTrace(token: "t", startedNanoseconds: 0)
        for step in 0..<100 {
            trace.enter("p", nowNanoseconds: UInt64(step))
            for _ in 0..<100 { trace.note("a note of twenty bytes") }
        }
        #expect(trace.phases.count == ExchangeTrace.phasesMax)
        #expect(trace.phases.allSatisfy { $0.note.utf8.count <= ExchangeTrace.noteBytesMax })
    }

    @Test("a board hands a trace out once and forgets the oldest")
    func board() {
        let board = TraceBoard()
        board.post(trace())
        #expect(board.take("t1")?.phases.count == 2)
        #expect(board.take("t1") == nil)
        for index in 0...TraceBoard.tracesMax { board.post(ExchangeTrace(token: "\(index)", startedNanoseconds: 0)) }
        #expect(board.take("0") == nil && board.take("1") != nil)
    }
}
