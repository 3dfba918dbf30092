package import NIOCore
import Synchronization

/// One address a backend is served at, with what is known of it right now. Shared by all event loops, and the same
/// object over reloads and DNS refreshes for as long as the address stays, so that pools and health stay too.
///
/// Everything that changes is a relaxed atomic: a loop that sees a value a moment late only chooses a moment late.
package final class Endpoint: Sendable {
    /// A small number no other living endpoint has: the index of its pool in each loop. It is used again only after
    /// the last reference to this endpoint is gone, so whoever keeps things by it must keep the endpoint as well.
    package let index: Int
    package let address: SocketAddress
    /// `127.0.0.1:9000` or `[::1]:9000`, for records.
    package let addressText: String
    /// The configured name, for SNI and `Host`; the address where a literal was configured.
    package let host: String
    /// The configured host is an address, so there is no name to send as SNI.
    package let isLiteralAddress: Bool
    /// What a session carries to come back here: keyed, so that a client cannot make one for another endpoint.
    let sessionTag: [UInt8]

    private let numbers: SmallNumbers
    private let load: BackendLoad
    private let inFlightCount = Atomic<Int>(0)
    private let currentWeight: Atomic<Int>
    private let failures = Atomic<Int>(0)
    private let lastFailure = Atomic<UInt64>(0)
    private let ejections = Atomic<Int>(0)
    private let ejectedUntil = Atomic<UInt64>(0)
    private let warmSince = Atomic<UInt64>(0)
    private let passesChecks = Atomic<Bool>(true)

    init(
        address: SocketAddress, host: String, weight: Int, sessionTag: [UInt8], load: BackendLoad,
        numbers: SmallNumbers
    ) {
        index = numbers.take()
        self.address = address
        addressText = Endpoint.text(of: address)
        self.host = host
        isLiteralAddress = SocketAddress.isLiteral(host)
        self.sessionTag = sessionTag
        self.load = load
        self.numbers = numbers
        currentWeight = Atomic(weight)
    }

    deinit { numbers.giveBack(index) }

    // MARK: Load

    /// A request has been given to this endpoint, whether it has a connection yet or not.
    package func beginRequest() {
        inFlightCount.add(1, ordering: .relaxed)
        load.begin()
    }

    /// That request is over, however it ended.
    package func endRequest() {
        inFlightCount.subtract(1, ordering: .relaxed)
        load.end()
    }

    /// Requests under way, over all loops.
    package var inFlight: Int { inFlightCount.load(ordering: .relaxed) }

    /// The configured share, in the unit of the endpoint set it is in.
    package internal(set) var weight: Int {
        get { currentWeight.load(ordering: .relaxed) }
        set { currentWeight.store(newValue, ordering: .relaxed) }
    }

    // MARK: Health

    /// What the active check says; true until a check has failed.
    package internal(set) var isHealthy: Bool {
        get { passesChecks.load(ordering: .relaxed) }
        set { passesChecks.store(newValue, ordering: .relaxed) }
    }

    /// When its (last) ejection ends, nanoseconds of the monotonic clock; 0 if there was none.
    package internal(set) var ejectedUntilNanoseconds: UInt64 {
        get { ejectedUntil.load(ordering: .relaxed) }
        set { ejectedUntil.store(newValue, ordering: .relaxed) }
    }

    /// How often it has been ejected of late; what makes the next ejection longer.
    package internal(set) var ejectionCount: Int {
        get { ejections.load(ordering: .relaxed) }
        set { ejections.store(newValue, ordering: .relaxed) }
    }

    /// When it joined or recovered, for slow start; 0 when it need not warm up.
    package internal(set) var warmSinceNanoseconds: UInt64 {
        get { warmSince.load(ordering: .relaxed) }
        set { warmSince.store(newValue, ordering: .relaxed) }
    }

    /// Failures since the last success.
    package var consecutiveFailures: Int { failures.load(ordering: .relaxed) }

    /// Counts a failure and returns how many there are in a row; one that comes later than `gap` after the one before
    /// begins a row. 0 for no such bound.
    func countFailure(gap: UInt64, now: UInt64) -> Int {
        let last = lastFailure.exchange(now, ordering: .relaxed)
        if gap > 0, now > last, now - last > gap { failures.store(0, ordering: .relaxed) }
        return failures.add(1, ordering: .relaxed).newValue
    }

    /// A real answer ends the row of failures. The load first, because a store would take the cache line from others.
    func countSuccess() {
        if failures.load(ordering: .relaxed) != 0 { failures.store(0, ordering: .relaxed) }
    }

    /// What balancing needs to know.
    var view: EndpointView {
        EndpointView(
            weight: weight, isHealthy: isHealthy, ejectedUntil: ejectedUntilNanoseconds,
            warmSince: warmSinceNanoseconds)
    }

    private static func text(of address: SocketAddress) -> String {
        guard let host = address.ipAddress, let port = address.port else { return address.pathname ?? "" }
        if case .v6 = address { return "[\(host)]:\(port)" }
        return "\(host):\(port)"
    }
}

extension SocketAddress {
    /// The address a configured host is, when it needs no resolving; brackets around IPv6 are allowed.
    static func literal(_ host: String, port: Int) -> SocketAddress? {
        var host = host
        if host.hasPrefix("["), host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
        return try? SocketAddress(ipAddress: host, port: port)
    }

    static func isLiteral(_ host: String) -> Bool { literal(host, port: 0) != nil }
}

/// How busy a backend is over all its endpoints and all loops.
final class BackendLoad: Sendable {
    private let inFlightCount = Atomic<Int>(0)
    private let requestCount = Atomic<UInt64>(0)

    init() {}

    func begin() {
        inFlightCount.add(1, ordering: .relaxed)
        requestCount.add(1, ordering: .relaxed)
    }

    func end() { inFlightCount.subtract(1, ordering: .relaxed) }

    var inFlight: Int { inFlightCount.load(ordering: .relaxed) }
    /// Attempts ever begun: what the retry budget is a share of.
    var requests: UInt64 { requestCount.load(ordering: .relaxed) }
}
