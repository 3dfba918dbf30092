import NIOCore

/// Turns a request head into what the mock does. Knobs are read from the query (`?delay=100ms`) and
/// from headers of the same name (`X-Mock-Delay: 100ms`), so that they survive a path rewrite:
///
/// `delay` before the head, `firstbyte` between head and body, `status`, `hints` (1xx codes, comma
/// separated), `trailers` (`a:b,c:d`), `early` (answer before the body arrived), `noread` (stop reading),
/// `fault`: see `MockFault`.
struct MockAnswer {
    let request: MockRequest
    let pod: MockPod
    let port: Int
    let journal: MockJournal
    private let query: Query

    init(request: MockRequest, pod: MockPod, port: Int, journal: MockJournal) {
        self.request = request
        self.pod = pod
        self.port = port
        self.journal = journal
        query = Query(target: request.target)
    }

    func steps() -> [MockStep] {
        var steps: [MockStep] = []
        if knob("noread") != nil { steps.append(.stopReading) }
        let first = request.path.drop { $0 == "/" }.prefix { $0 != "/" }
        let early = knob("early") != nil || knob("noread") != nil || first == "echo"
        if !early { steps.append(.awaitBody) }
        for code in (knob("hints") ?? "").split(separator: ",").compactMap({ Int($0) }) where (100..<200) ~= code {
            steps.append(.informational(code, code == 103 ? [Header("Link", "</style.css>; rel=preload")] : []))
        }
        if let delay = knob("delay").flatMap(durationMilliseconds) { steps.append(.wait(milliseconds: delay)) }
        if let name = knob("fault") {
            if let fault = MockFault(rawValue: name) { return steps + fault.steps }
            return steps + plain(400, "unknown fault \(name)")
        }
        switch first {
        case "health": return steps + plain(200, "OK")
        case "status": return steps + status()
        case "retry": return steps + retry()
        case "sse": return steps + events()
        case "chunks": return steps + chunks()
        case "bytes": return steps + bytes()
        case "echo": return steps + echoed()
        default: return steps + document(knob("status").flatMap { Int($0) } ?? 200)
        }
    }

    private func knob(_ name: String) -> String? {
        query[name] ?? request.headers.first("X-Mock-\(name)")
    }

    private func number(_ name: String, _ standard: Int, max bound: Int) -> Int {
        min(bound, max(0, knob(name).flatMap { Int($0) } ?? standard))
    }

    /// The response headers `X-Echo-Set-Header` asks for: names with the case given, repeats joined.
    private var askedHeaders: [Header] {
        var headers: [Header] = []
        for list in request.headers.all("X-Echo-Set-Header") {
            for item in list.split(separator: ",") {
                guard let colon = item.firstIndex(of: ":") else { continue }
                let name = item[..<colon].trimmingSpaces
                let value = item[item.index(after: colon)...].trimmingSpaces
                if let index = headers.firstIndex(where: { $0.name == name }) {
                    headers[index].value += ", \(value)"
                } else {
                    headers.append(Header(name, value))
                }
            }
        }
        return headers
    }

    private var trailers: [Header] {
        (knob("trailers") ?? "").split(separator: ",").compactMap { item in
            guard let colon = item.firstIndex(of: ":") else { return nil }
            return Header(item[..<colon].trimmingSpaces, item[item.index(after: colon)...].trimmingSpaces)
        }
    }

    /// Head, body steps and trailers; the length is left out where trailers need chunks.
    private func answer(
        _ status: Int, type: String, length: Int?, extra: [Header] = [], body: [MockStep]
    ) -> [MockStep] {
        let trailers = trailers
        var headers = [Header("Content-Type", type)]
        if !trailers.isEmpty {
            headers.append(Header("Trailer", trailers.map(\.name).joined(separator: ", ")))
        } else if let length {
            headers.append(Header("Content-Length", "\(length)"))
        }
        var steps: [MockStep] = [.head(status, headers + extra + askedHeaders)]
        if let pause = knob("firstbyte").flatMap(durationMilliseconds) { steps.append(.wait(milliseconds: pause)) }
        // A body after HEAD would be a fault, and there are faults for that.
        return steps + (request.method == "HEAD" ? [] : body) + [.end(trailers)]
    }

    private func plain(_ status: Int, _ text: String) -> [MockStep] {
        let body = ByteBuffer(string: text)
        return answer(status, type: "text/plain", length: body.readableBytes, body: [.chunk(body)])
    }

    private func document(_ status: Int) -> [MockStep] {
        let bodiless = status == 204 || status == 304 || status < 200
        let body = bodiless ? ByteBuffer() : ByteBuffer(string: EchoDocument.text(request, pod: pod, port: port))
        let length = bodiless ? nil : body.readableBytes
        return answer(status, type: "application/json", length: length, body: bodiless ? [] : [.chunk(body)])
    }

    private func status() -> [MockStep] {
        let code = request.path.split(separator: "/").dropFirst().first.flatMap { Int($0) } ?? 0
        guard (200..<600) ~= code else { return plain(400, "status must be from 200 to 599") }
        return document(code)
    }

    /// Fails `succeedAfter` times for each `uuid`, then answers; without `responseCode` a failure is a RST.
    private func retry() -> [MockStep] {
        guard let uuid = query["uuid"], let failures = query["succeedAfter"].flatMap({ Int($0) }) else {
            return plain(400, "retry needs uuid and succeedAfter")
        }
        guard journal.attempt(uuid) <= failures else { return document(200) }
        var steps: [MockStep] = []
        if let delay = query["delayRetry"].flatMap(durationMilliseconds) { steps.append(.wait(milliseconds: delay)) }
        guard let code = query["responseCode"].flatMap({ Int($0) }) else { return steps + [.reset] }
        return steps + document(code)
    }

    private func events() -> [MockStep] {
        let count = number("events", 10, max: 1_000_000)
        let interval = knob("interval").flatMap(durationMilliseconds) ?? 10
        let padding = String(repeating: "x", count: number("size", 16, max: 1 << 20))
        let stream = MockStep.stream(count: count, intervalMilliseconds: interval) { index in
            ByteBuffer(string: "id: \(index)\ndata: {\"index\":\(index),\"padding\":\"\(padding)\"}\n\n")
        }
        return answer(
            200, type: "text/event-stream", length: nil, extra: [Header("Cache-Control", "no-cache")], body: [stream])
    }

    private func chunks() -> [MockStep] {
        let count = number("n", 10, max: 10_000_000)
        let size = number("size", 1024, max: 16 << 20)
        let interval = knob("interval").flatMap(durationMilliseconds) ?? 0
        let stream = MockStep.stream(count: count, intervalMilliseconds: interval) { index in
            ByteBuffer(repeating: UInt8(0x61 + index % 26), count: size)
        }
        return answer(200, type: "text/plain", length: nil, body: [stream])
    }

    /// `n` bytes with a length; the byte at offset i is the letter `i % 26`, so that a reader can check any part.
    private func bytes() -> [MockStep] {
        let total = number("n", 1024, max: Int.max / 2)
        let piece = 26 * 1024
        let alphabet = ByteBuffer(bytes: (0..<piece).map { UInt8(0x61 + $0 % 26) })
        let stream = MockStep.stream(count: (total + piece - 1) / piece, intervalMilliseconds: 0) { index in
            var whole = alphabet
            return whole.readSlice(length: min(piece, total - index * piece)) ?? ByteBuffer()
        }
        return answer(200, type: "text/plain", length: total, body: [stream])
    }

    private func echoed() -> [MockStep] {
        let type = request.headers.first("Content-Type") ?? "application/octet-stream"
        return answer(200, type: type, length: nil, body: [.echoBody])
    }
}

extension Substring {
    var trimmingSpaces: String {
        var text = drop { $0 == " " || $0 == "\t" }
        while let last = text.last, last == " " || last == "\t" { text = text.dropLast() }
        return String(text)
    }
}
