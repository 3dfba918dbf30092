import GatewayModel
import GatewayRecords
import Synchronization

/// What happens now: streams, state, views.
extension AdminAPI {
    // MARK: Streams

    /// How often a stream says that it is still there, so that both ends notice a dead connection.
    private static let keepAliveSeconds = 15
    private static let intervalMilliseconds = 100

    /// A stream would be over before it has told anything.
    static func checkServing(_ isDraining: () -> Bool) throws(GatewayError) {
        guard isDraining() else { return }
        throw GatewayError(
            .draining, "the gateway is shutting down and begins no streams any more",
            hint: "ask the one that follows it")
    }

    func watch() async throws -> AdminResponse {
        try Self.checkServing(services.isDraining)
        let changes = await store.changes()
        let first = await store.snapshot
        let isDraining = services.isDraining
        let stream = AsyncStream<[UInt8]>(bufferingPolicy: .bufferingNewest(256)) { continuation in
            continuation.yield(Self.event("revision", .object([("revision", .integer(first.revision))])))
            let changeTask = Task {
                for await change in changes { continuation.yield(Self.event("change", change.node)) }
                continuation.finish()
            }
            let timer = Task {
                var silent = 0
                // A stream would hold up draining for as long as its reader likes.
                while (try? await Task.sleep(for: .milliseconds(Self.intervalMilliseconds))) != nil, !isDraining() {
                    silent += Self.intervalMilliseconds
                    guard silent >= Self.keepAliveSeconds * 1_000 else { continue }
                    silent = 0
                    continuation.yield(Array(": still here\n\n".utf8))
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in
                changeTask.cancel()
                timer.cancel()
            }
        }
        return .stream("text/event-stream", stream)
    }

    private static func event(_ name: String, _ data: ConfigNode) -> [UInt8] {
        Array("event: \(name)\ndata: \(JSONPrinter.print(data))\n\n".utf8)
    }

    func tap(_ call: AdminCall) throws -> AdminResponse {
        guard let tap = services.tap else { throw GatewayError(.notFound, "this gateway has no tap") }
        let isDraining = services.isDraining
        try Self.checkServing(isDraining)
        let subscription = try tap.subscribe(try TapQuery.filter(call.query))
        let asEvents = (call.request.field("accept") ?? "").contains("text/event-stream")
        let reader = TapReader(tap: tap, subscription: subscription)
        // The head goes out at once: a reader can tell that the tap is open.
        let opening = Mutex<[UInt8]?>(Array((asEvents ? ": open\n\n" : "\n").utf8))
        // Asked for as fast as the client reads; what does not fit the tap's own queue is dropped and counted there.
        let stream = AsyncStream<[UInt8]> {
            if let first = opening.withLock({ $0.take() }) { return first }
            while (try? await Task.sleep(for: .milliseconds(Self.intervalMilliseconds))) != nil, !isDraining() {
                let lines = reader.subscription.drain()
                if !lines.isEmpty { return asEvents ? Self.events(lines) : lines }
            }
            return nil
        }
        return .stream(asEvents ? "text/event-stream" : "application/x-ndjson", stream)
    }

    private static func events(_ lines: [UInt8]) -> [UInt8] {
        lines.split(separator: UInt8(ascii: "\n")).flatMap { Array("data: ".utf8) + $0 + Array("\n\n".utf8) }
    }

    // MARK: One request

    func explain(_ call: AdminCall) async throws -> AdminResponse {
        guard let answer = try await services.explain(try Self.question(call.json())) else {
            throw GatewayError(.notFound, "this gateway has no routes to ask")
        }
        return .json(answer)
    }

    private static func question(_ node: ConfigNode) throws(GatewayError) -> AdminServices.Question {
        let known = ["method", "url", "headers", "source"]
        for field in node.fields ?? [] where !known.contains(field.key) {
            throw GatewayError(
                .usage, "unknown field \"\(field.key)\"", hint: NearestName.hint(field.key, among: known))
        }
        guard let url = node["url"]?.string else {
            throw GatewayError(.usage, "the question has no url", hint: "send {\"method\":…,\"url\":…,\"headers\":{…}}")
        }
        var question = AdminServices.Question(
            method: node["method"]?.string ?? "GET", url: url, source: node["source"]?.string)
        for field in node["headers"]?.fields ?? [] {
            for value in field.value.elements ?? [field.value] {
                guard let text = value.string else {
                    throw GatewayError(.usage, "the value of header \(field.key) is not a string")
                }
                question.fields.append(AdminServices.Question.Field(name: field.key, value: text))
            }
        }
        return question
    }

    /// Only announced tokens are traced: nobody else can make the gateway write traces.
    func expectTrace() throws -> AdminResponse {
        guard let traces = services.traces else { throw GatewayError(.notFound, "this gateway does not trace") }
        var generator = SystemRandomNumberGenerator()
        let token = (0..<2).map { _ in String(UInt64.random(in: .min ... .max, using: &generator), radix: 16) }
            .joined(separator: "-")
        traces.expect(token)
        return .json(.object([("token", .text(token)), ("header", .text("x-sluice-trace"))]), status: 201)
    }

    func trace(_ call: AdminCall) throws -> AdminResponse {
        guard let trace = services.traces?.take(call["token"]) else {
            throw GatewayError(
                .notFound, "no trace with this token",
                hint: "POST /v1/traces gives one; a trace is handed out once")
        }
        return AdminResponse(
            status: 200, fields: [("content-type", "application/json"), ("cache-control", "no-store")],
            body: .bytes(trace.json()))
    }

    // MARK: State

    func compiled() async throws -> AdminResponse {
        guard let snapshot = await services.snapshot() else {
            throw GatewayError(.notFound, "this gateway has no snapshot yet")
        }
        return .json(snapshot)
    }

    func status() async -> AdminResponse {
        let snapshot = await store.snapshot
        let state = services.isDraining() ? "draining" : services.isReady() ? "serving" : "starting"
        var pairs: [(String, ConfigNode)] = [
            ("state", .text(state)), ("revision", .integer(snapshot.revision)),
            ("objects", .integer(snapshot.set.count)),
        ]
        pairs += await services.facts()
        if let log = services.audit.log {
            let problems = AuditAPI.problems(services.audit, log.folder)
            pairs.append(("audit", .text(problems.isEmpty ? "healthy" : problems.joined(separator: "; "))))
        } else {
            pairs.append(("audit", .text("off")))
        }
        pairs.append(("warnings", .list(snapshot.diagnostics.map(\.node))))
        // Why the newest files do not serve; empty when they do.
        pairs.append(("refused", .list(snapshot.refusedFiles.map(\.node))))
        return .json(.object(pairs))
    }

    func health() -> AdminResponse { .json(.object([("status", .text("ok"))])) }

    func ready() -> AdminResponse {
        let isReady = services.isReady() && !services.isDraining()
        return .json(.object([("ready", .flag(isReady))]), status: isReady ? 200 : 503)
    }

    func metrics(_ call: AdminCall) throws -> AdminResponse {
        guard let metrics = services.metrics?(call.request.field("accept") ?? "") else {
            throw GatewayError(.notFound, "this gateway has no metrics")
        }
        return AdminResponse(status: 200, fields: [("content-type", metrics.type)], body: .bytes(metrics.bytes))
    }

    func drain() throws -> AdminResponse {
        guard let drain = services.drain else { throw GatewayError(.notFound, "this gateway cannot drain") }
        drain()
        return .json(.object([("state", .text("draining"))]), status: 202)
    }

    func debug(_ call: AdminCall) async throws -> AdminResponse {
        let names = AdminServices.View.allCases.map(\.rawValue)
        guard let view = AdminServices.View(rawValue: call["view"]) else {
            throw GatewayError(
                .notFound, "no view \"\(call["view"])\"", hint: NearestName.hint(call["view"], among: names))
        }
        guard let answer = await services.view(view) else {
            throw GatewayError(.notFound, "this gateway does not show \(view.rawValue)")
        }
        return .json(answer)
    }
}

/// Ends a subscription with the stream that reads it, whichever way that ends.
private final class TapReader: Sendable {
    private let tap: Tap
    let subscription: TapSubscription

    init(tap: Tap, subscription: TapSubscription) {
        self.tap = tap
        self.subscription = subscription
    }

    deinit { tap.unsubscribe(subscription) }
}

extension StoreChange {
    var node: ConfigNode {
        .object([
            ("revision", .integer(snapshot.revision)), ("cause", .text(cause.description)),
            ("changes", .list(changes.map(\.node))),
        ])
    }
}
