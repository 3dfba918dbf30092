import GatewayModel
package import GatewayProxy
import NIOCore
import Synchronization

/// What active checks have found out about servers: those that do not answer are asked nothing until they do again.
package final class ServerHealth: Sendable {
    package struct Finding: Sendable, Equatable {
        package var isHealthy: Bool
        /// What its last bad answer was; empty while it is well.
        package var reason: String

        package init(isHealthy: Bool, reason: String) { (self.isHealthy, self.reason) = (isHealthy, reason) }
    }

    /// By the servers' names; nothing is known of others.
    private let state = Mutex<[String: Finding]>([:])
    private let checks = Mutex<NIOLoopBound<ServerChecks>?>(nil)

    package var findings: [String: Finding] { state.withLock { $0 } }

    /// Nobody has ever been asked.
    package var isIdle: Bool { checks.withLock { $0 == nil } }

    /// Why a server is asked nothing; nil for one that may be asked.
    func refusal(of server: CompiledServer) -> GatewayError? {
        guard server.check != nil, let known = state.withLock({ $0[server.name] }), !known.isHealthy else { return nil }
        return GatewayError(
            .noHealthyEndpoint, "the server does not answer its health checks: \(server.shownName)",
            hint: "it is asked again by itself; try again later", cause: known.reason)
    }

    func set(_ finding: Finding?, of name: String) { state.withLock { $0[name] = finding } }

    /// From now on these are asked how they are, and no others. On the loop of `worker`, always the same one.
    package func follow(
        _ servers: [CompiledServer], _ services: MCPServices, on worker: Worker,
        changed: @escaping @Sendable (_ server: CompiledServer, _ isHealthy: Bool?) -> Void
    ) {
        let bound = checks.withLock { checks in
            if let checks { return checks }
            let made = NIOLoopBound(ServerChecks(services, on: worker, changed), eventLoop: worker.eventLoop)
            checks = made
            return made
        }
        bound.value.follow(servers)
    }
}

/// The checks under way, one for each server that wants them. On one loop.
final class ServerChecks {
    private let services: MCPServices
    private let worker: Worker
    private let changed: (_ server: CompiledServer, _ isHealthy: Bool?) -> Void
    private var running: [String: ServerCheck] = [:]

    init(
        _ services: MCPServices, on worker: Worker,
        _ changed: @escaping (_ server: CompiledServer, _ isHealthy: Bool?) -> Void
    ) {
        self.services = services
        self.worker = worker
        self.changed = changed
    }

    /// A server that is the same as before goes on with what is known of it.
    func follow(_ servers: [CompiledServer]) {
        let wanted = Dictionary(servers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for (name, check) in running where wanted[name] == nil {
            check.end()
            running[name] = nil
            services.health.set(nil, of: name)
            changed(check.server, nil)
        }
        for (name, server) in wanted {
            // However often a configuration is loaded: a server is asked as often as it wants, and has its time.
            if running[name]?.goesOn(with: server) ?? false { continue }
            running[name]?.end()
            services.health.set(nil, of: name)
            running[name] = ServerCheck(server, services, on: worker, changed)
            running[name]?.start()
        }
    }
}

/// Asks one server again and again how it is, as the gateway itself: `ping` in a session of its own, or
/// `server/discover` where requests stand for themselves, which have no `ping`. On the worker's loop.
final class ServerCheck {
    /// The newest of the same, whose connections are used from the next question on.
    private(set) var server: CompiledServer
    private var tracker = HealthTracker()
    private let plan: ActiveServerCheck
    private let services: MCPServices
    private let worker: Worker
    private let changed: (_ server: CompiledServer, _ isHealthy: Bool?) -> Void
    private var request: ServerRequest?
    private var post: ServerPost?
    private var startedNanoseconds: UInt64 = 0
    private let timer: LoopTimer
    private var isOver = false

    /// Nobody's capabilities, and no caller's: each owner's key has a slash. Each check has sessions of its own.
    private let caller = ServerCaller(owner: "health check \(SessionID.make())", capabilities: Array("{}".utf8))

    /// Nil for a server that wants no checks.
    init?(
        _ server: CompiledServer, _ services: MCPServices, on worker: Worker,
        _ changed: @escaping (_ server: CompiledServer, _ isHealthy: Bool?) -> Void
    ) {
        guard let plan = server.check else { return nil }
        self.server = server.checked
        self.plan = plan
        self.services = services
        self.worker = worker
        self.changed = changed
        timer = LoopTimer(on: worker)
    }

    /// Takes a newly compiled server in place of its own, if it is the same; what is under way goes on.
    func goesOn(with other: CompiledServer) -> Bool {
        let other = other.checked
        guard other.key == server.key, other.check == plan else { return false }
        server = other
        return true
    }

    func start() {
        worker.refreshClock()
        startedNanoseconds = worker.now
        timer.action = { [self] _ in take("no answer within \(plan.timeoutNanoseconds / 1_000_000) ms") }
        timer.set(at: worker.now &+ plan.timeoutNanoseconds)
        if services.live.era(of: server) == nil, server.protocol == .auto { return discover() }
        let request = ServerRequest(
            server, isStateless ? "server/discover" : "ping", params: [], caller, services, on: worker)
        request.isCheck = true
        request.onEnd = { [self] in take(problem($0)) }
        request.onLate = { [self] in if isOver { close() } }
        self.request = request
        request.start()
    }

    /// The server is not asked any more: what was opened to ask it is closed, now or when it is open.
    func end() {
        isOver = true
        stop()
        close()
    }

    /// The gateway does not stop before the server has been told, as long as that answers as it should.
    private func close() {
        guard let session = services.live.take(caller.scope(server)) else { return }
        worker.ended(session, atNanoseconds: worker.now)
        let opening = ServerOpening(server: server, services: services, worker: worker)
        guard tracker.isHealthy else { return opening.close(session) }
        worker.detachedCalls += 1
        let told = AwaitedAll(1, on: worker) { [worker] in worker.detachedCalls -= 1 }
        opening.close(session) { told.one() }
    }

    private func stop() {
        timer.cancel()
        request?.cancel()
        post?.cancel()
        (request, post) = (nil, nil)
    }

    /// How it is spoken to is found out first, which may be all that is to be asked.
    private func discover() {
        post = ServerOpening(server: server, services: services, worker: worker).discover { [self] era in
            post = nil
            switch era {
            case .success(.stateless): take(nil)
            case .success(.session): start()
            case .failure(let error): take(problem(.failed(error)))
            }
        }
    }

    private var isStateless: Bool {
        if server.protocol == .stateless { return true }
        guard case .stateless = services.live.era(of: server) else { return false }
        return true
    }

    /// What is wrong with an answer; nil for one that shows that the server lives. That it refuses the gateway's
    /// credential, or is too busy, it has said itself: callers are told the same.
    private func problem(_ reply: ServerRequest.Reply) -> String? {
        guard case .failed(let error) = reply, error.code != .credentialUnavailable, error.code != .upstreamOverloaded
        else { return nil }
        // The cause of a process's end is what it said, which is for the log alone.
        guard server.process == nil, let cause = error.cause else { return error.message }
        return "\(error.message): \(cause)"
    }

    private func take(_ problem: String?) {
        stop()
        let isGood = problem == nil
        let hasChanged = tracker.record(
            isGood, healthyThreshold: plan.healthyThreshold, unhealthyThreshold: plan.unhealthyThreshold)
        let finding = ServerHealth.Finding(isHealthy: tracker.isHealthy, reason: problem ?? "")
        services.health.set(finding, of: server.name)
        changed(server, tracker.isHealthy)
        // What was listed before it went away may not be what it has now.
        if hasChanged, tracker.isHealthy { services.shelf.changed(server) }
        timer.action = { [self] _ in start() }
        worker.refreshClock()
        timer.set(at: max(startedNanoseconds &+ ServerCheck.jittered(plan.intervalNanoseconds), worker.now))
    }

    /// A tenth more or less, so that replicas do not ask in step.
    private static func jittered(_ interval: UInt64) -> UInt64 {
        interval - interval / 10 + UInt64.random(in: 0...max(interval / 5, 1))
    }
}

/// How a server is asked how it is.
struct ActiveServerCheck: Sendable, Equatable {
    var intervalNanoseconds: UInt64
    var timeoutNanoseconds: UInt64
    var healthyThreshold: Int
    var unhealthyThreshold: Int

    init(_ spec: MCPServerHealthCheck) {
        intervalNanoseconds = UInt64(max(10, spec.interval.milliseconds)) * 1_000_000
        timeoutNanoseconds = UInt64(max(1, spec.timeout.milliseconds)) * 1_000_000
        healthyThreshold = spec.healthyThreshold
        unhealthyThreshold = spec.unhealthyThreshold
    }
}
