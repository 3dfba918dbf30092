import GatewayModel
import GatewayWire
import Glibc
import Testing

@testable import GatewayRecords

/// A record with most members set, and the head it belongs to.
func exchange(
    path: String = "/v1/items", query: String = "page=2&token=hunter2", userAgent: String = "curl/8.0"
) -> (RequestRecord, RequestHead) {
    var head = RequestHead()
    head.authority = head.fields.store(Array("api.test".utf8))
    let target = head.fields.store(Array((query.isEmpty ? path : path + "?" + query).utf8))
    head.target = target
    head.path = Slice(start: Int(target.start), count: path.utf8.count)
    if !query.isEmpty {
        head.query = Slice(start: Int(target.start) + path.utf8.count + 1, count: query.utf8.count)
    }
    head.fields.append("user-agent", userAgent)
    head.fields.append("authorization", "Bearer sk-secret")
    head.fields.append("cookie", "session=sk-secret")
    var record = RequestRecord()
    record.wallNanoseconds = 1_795_463_161_123_456_789
    record.startedNanoseconds = 1_000_000_000
    record.admittedNanoseconds = 1_000_010_000
    record.upstreamConnectedNanoseconds = 1_000_210_000
    record.upstreamFirstByteNanoseconds = 1_001_000_000
    record.endedNanoseconds = 1_002_500_000
    record.status = 200
    record.attempts = 1
    record.requestBytes = 12
    record.responseBytes = 3_456
    record.listener = "edge/http"
    record.route = "prod/app"
    record.rule = 1
    record.backend = "prod/app-v1"
    record.upstreamAddress = "127.0.0.1:9000"
    record.clientAddress = "192.0.2.7"
    record.principal = Principal(proof: .apiKey, tenant: "acme", user: "ann", credentialID: "key-1")
    record.requestID = (0x0123_4567_89ab_cdef, 0xfedc_ba98_7654_3210)
    return (record, head)
}

/// The text of one access log line.
func line(_ record: RequestRecord, _ head: RequestHead, _ settings: AccessLogSettings = .init()) -> String {
    var block = LogBlock()
    var format = AccessLogLine(settings: settings)
    #expect(block.append(&format, record, head))
    return String(decoding: block.bytes, as: UTF8.self)
}

@Suite("An access log line shows one exchange and no secret")
struct AccessLogLineTests {
    @Test("all members in order")
    func golden() {
        let (record, head) = exchange()
        #expect(
            line(record, head) == """
                {"time":"2026-11-23T19:46:01.123456Z","request_id":"0123456789abcdeffedcba9876543210",\
                "client":"192.0.2.7","user":"ann","tenant":"acme","credential":"key-1","method":"GET",\
                "host":"api.test","path":"/v1/items?page=&token=","protocol":"HTTP/1.1","tls":false,\
                "user_agent":"curl/8.0","status":200,"outcome":"completed","listener":"edge/http",\
                "route":"prod/app","rule":1,"backend":"prod/app-v1","upstream":"127.0.0.1:9000","attempts":1,\
                "bytes_in":12,"bytes_out":3456,"duration_us":2500,"upstream_connect_us":200,"first_byte_us":1000}

                """)
    }

    @Test(
        "no credential, cookie or query value, however the log is set",
        arguments: [AccessLogSettings.Query.names, .values, .hidden])
    func secrets(query: AccessLogSettings.Query) {
        let (record, head) = exchange(
            query: "access_token=sk-secret&API_KEY=sk-secret&%6bey=sk-secret&sk-secret-long-value")
        var settings = AccessLogSettings()
        settings.query = query
        #expect(!line(record, head, settings).contains("sk-secret"))
    }

    @Test(
        "queries",
        arguments: [
            ("a=1&b=2", AccessLogSettings.Query.names, "?a=&b="), ("watch", .names, "?watch"),
            ("a=1&&b", .names, "?a=&&b"), ("a=1&b=2", .values, "?a=1&b=2"), ("a=1", .hidden, ""), ("=x", .names, "?="),
            ("a=b=c", .values, "?a=b=c"),
        ])
    func queries(query: String, visibility: AccessLogSettings.Query, expected: String) {
        let (record, head) = exchange(path: "/p", query: query)
        var settings = AccessLogSettings()
        settings.query = visibility
        #expect(line(record, head, settings).contains("\"path\":\"/p\(expected)\""))
    }

    @Test(
        "hostile text stays one line of JSON",
        arguments: [
            ("a\"b\\c", #"a\"b\\c"#), ("a\nb\u{1}", #"a\u000ab\u0001"#), ("grüße 🙂", "grüße 🙂"),
        ])
    func escapes(text: String, expected: String) throws {
        let (record, made) = exchange(userAgent: "x")
        var head = made
        // As no head has it: those that are read and those that are made have no such bytes.
        let index = try #require(head.fields.entries.firstIndex { $0.known == .userAgent })
        head.fields.entries[index].value = head.fields.store(Array(text.utf8))
        #expect(line(record, head).contains("\"user_agent\":\"\(expected)\""))
    }

    @Test(
        "bytes that are not UTF-8 are replaced",
        arguments: [[0xFF], [0xC3], [0xC0, 0x80], [0xED, 0xA0, 0x80], [0xF5, 0x80, 0x80, 0x80], [0xE2, 0x82]]
            as [[UInt8]])
    func invalid(bytes: [UInt8]) {
        var (record, head) = exchange(userAgent: "x")
        head.fields.set(name: Array("user-agent".utf8), value: [0x61] + bytes + [0x62])
        record.status = 400
        var block = LogBlock()
        var format = AccessLogLine(settings: .init())
        #expect(block.append(&format, record, head))
        #expect(String(validating: block.bytes, as: UTF8.self) != nil)
        let expected = "a" + String(repeating: "\u{FFFD}", count: bytes.count) + "b"
        #expect(String(decoding: block.bytes, as: UTF8.self).contains(expected))
    }

    @Test("long text is cut at a character, and the longest line fits")
    func bounds() {
        var (record, head) = exchange(
            path: "/" + String(repeating: "\"", count: 8_000), query: String(repeating: "a=1&", count: 5_000),
            userAgent: String(repeating: "é", count: 4_000))
        let control = String(repeating: "\u{1}", count: 4_000)
        record.route = control
        record.backend = control
        record.listener = control
        record.upstreamAddress = control
        record.verdictRule = control
        record.principal = Principal(
            proof: .apiKey, tenant: control, user: control, agent: control, credentialID: control)
        var settings = AccessLogSettings()
        settings.query = .values
        let text = line(record, head, settings)
        #expect(text.utf8.count < LogBlock.lineBytesMax)
        #expect(text.contains("é\""))
        head.reset()
    }

    @Test(
        "dates",
        arguments: [
            (0, "1970-01-01"), (951_782_400, "2000-02-29"), (4_107_542_400, "2100-03-01"),
            (1_830_211_199, "2027-12-30"),
        ] as [(UInt64, String)])
    func dates(seconds: UInt64, expected: String) {
        var (record, head) = exchange()
        record.wallNanoseconds = seconds * 1_000_000_000
        #expect(line(record, head).contains("\"time\":\"\(expected)T"))
        head.reset()
    }
}

@Suite("A loop's recorder never waits and loses nothing it does not count", .timeLimit(.minutes(1)))
struct LoopRecorderTests {
    private func temporaryPath() -> String {
        "/tmp/sluice-records-\(getpid())-\(UInt64.random(in: 0...UInt64.max)).log"
    }

    private func lines(_ path: String) -> Int {
        guard let file = unsafe fopen(path, "r") else { return -1 }
        defer { unsafe fclose(file) }
        var count = 0
        while true {
            let byte = unsafe getc(file)
            if byte == EOF { return count }
            if byte == 10 { count += 1 }
        }
    }

    @Test("lines reach the file, metrics the registry")
    func file() throws {
        let path = temporaryPath()
        defer { unsafe unlink(path) }
        let writer = try LogWriter(.file(path))
        let registry = MetricRegistry()
        var (record, head) = exchange()
        record.routeID = registry.routeSlot("prod/app")
        record.backendID = registry.backendSlot("prod/app-v1")
        let recorder = LoopRecorder(metrics: registry.makeLoop(), log: writer)
        for _ in 0..<1_000 { recorder.record(record, request: head) }
        recorder.finish()
        #expect(writer.close())
        #expect(UInt64(lines(path)) + writer.droppedLines == 1_000)
        #expect(writer.droppedLines == 0)
        let sample = registry.collect()
        let start = record.routeID * RouteLayout.stride
        let wire = Int(RequestRecord.WireProtocol.http11.rawValue)
        #expect(sample.values.routes[start + RouteLayout.requests + 2 * RouteLayout.protocols + wire] == 1_000)
        #expect(sample.values.routes[start + RouteLayout.bytesOut] == 3_456_000)
        head.reset()
    }

    @Test("a rename is followed")
    func rotation() throws {
        let path = temporaryPath()
        let old = path + ".1"
        defer {
            unsafe unlink(path)
            unsafe unlink(old)
        }
        let writer = try LogWriter(.file(path))
        let (record, head) = exchange()
        let recorder = LoopRecorder(metrics: MetricRegistry().makeLoop(), log: writer)
        recorder.record(record, request: head)
        while writer.writtenLines < 1 {
            recorder.tick(nowNanoseconds: 1)
            sched_yield()
        }
        #expect(unsafe rename(path, old) == 0)
        writer.reopen()
        recorder.record(record, request: head)
        recorder.finish()
        #expect(writer.close())
        #expect(lines(old) == 1 && lines(path) == 1)
    }

    @Test("a stuck reader costs lines, not time")
    func stuck() throws {
        // A pipe nobody reads: the writer thread hangs in `write`, the loop goes on.
        let path = temporaryPath()
        #expect(unsafe mkfifo(path, 0o600) == 0)
        defer { unsafe unlink(path) }
        let reader = unsafe open(path, O_RDONLY | O_NONBLOCK)
        let writer = try LogWriter(.file(path), blocksMax: 2)
        let (record, head) = exchange()
        let recorder = LoopRecorder(metrics: MetricRegistry().makeLoop(), log: writer)
        for _ in 0..<5_000 { recorder.record(record, request: head) }
        recorder.finish()
        #expect(writer.droppedLines > 0)
        #expect(!writer.close(timeoutMilliseconds: 10))
        // The reader leaves: the thread ends with an error instead of hanging on.
        signal(SIGPIPE, SIG_IGN)
        close(reader)
        #expect(writer.close())
        #expect(writer.droppedLines + writer.writtenLines == 5_000)
    }

    @Test("a file that cannot be opened is an error")
    func unopenable() {
        #expect(throws: GatewayError.self) { try LogWriter(.file("/nonexistent/x.log")) }
    }

    @Test("slots keep their names and are bounded")
    func slots() {
        let registry = MetricRegistry(slotsMax: 3)
        #expect(registry.routeSlot("a") == 1)
        #expect(registry.routeSlot("b") == 2)
        #expect(registry.routeSlot("c") == 0)
        #expect(registry.routeSlot("a") == 1)
        let loop = registry.makeLoop()
        var (record, head) = exchange()
        for slot in [-1, 0, 3, 1_000_000] {
            record.routeID = slot
            record.backendID = slot
            loop.count(record)
        }
        loop.publish()
        #expect(registry.collect().values.routes[RouteLayout.bytesIn] == 48)
        head.reset()
    }

    @Test("ids do not repeat")
    func identifiers() {
        var source = IdentifierSource()
        var seen: Set<UInt64> = []
        for _ in 0..<10_000 { seen.insert(source.nextIdentifier64()) }
        #expect(seen.count == 10_000)
        var zero = IdentifierSource(seed: (0, 0, 0, 0))
        let first = zero.next()
        #expect(zero.next() != first)
    }
}
