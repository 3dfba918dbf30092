import Synchronization
import Testing

@testable import GatewayProxy

@Suite("Failures of real requests take endpoints out")
struct EjectionTests {
    struct Case: Sendable {
        var failures: Int
        var ejected: Int
        var total: Int
        var last: UInt64 = 0
        var count = 0
        var decision: Ejection.Decision
    }

    static let cases: [Case] = [
        Case(failures: 2, ejected: 0, total: 4, decision: .keep),
        Case(failures: 3, ejected: 0, total: 4, decision: .eject(until: 1_100, count: 1)),
        Case(failures: 9, ejected: 1, total: 4, decision: .eject(until: 1_100, count: 1)),
        // Half of them are out.
        Case(failures: 9, ejected: 2, total: 4, decision: .keep),
        // The only one.
        Case(failures: 9, ejected: 0, total: 1, decision: .keep),
        // It is out already.
        Case(failures: 9, ejected: 1, total: 4, last: 1_050, count: 1, decision: .keep),
        // Again, at once: longer. Later: forgiven.
        Case(failures: 3, ejected: 0, total: 4, last: 990, count: 2, decision: .eject(until: 1_300, count: 3)),
        Case(failures: 3, ejected: 0, total: 4, last: 800, count: 2, decision: .eject(until: 1_100, count: 1)),
        Case(failures: 3, ejected: 0, total: 4, last: 999, count: 10, decision: .eject(until: 2_000, count: 10)),
    ]

    @Test("Decisions", arguments: cases)
    func decisions(_ example: Case) {
        let policy = OutlierPolicy(consecutiveFailures: 3, ejectionNanoseconds: 100, ejectionPercentMax: 50)
        let decision = Ejection.decide(
            policy, failures: example.failures, ejected: example.ejected, total: example.total, last: example.last,
            count: example.count, now: 1_000)
        #expect(decision == example.decision)
    }

    @Test(
        "Which answers count",
        arguments: [(200, false), (404, false), (429, false), (500, true), (501, false), (503, true)])
    func statuses(_ status: Int, _ isFailure: Bool) {
        #expect(Ejection.isFailure(status: status) == isFailure)
    }

    @Test("Our own bounds do not count against an endpoint, connection failures do")
    func failures() {
        for failure in [UpstreamFailure.unprocessed, .overloaded] { #expect(!failure.countsAgainstEndpoint) }
        for failure in [
            UpstreamFailure.connectFailed(""), .connectTimedOut, .reset, .malformed(""), .firstByteTimedOut,
        ] {
            #expect(failure.countsAgainstEndpoint)
        }
    }

    @Test("A good answer ends the row; the row of one endpoint is not another's; an event tells of the ejection")
    func reporting() {
        let log = EventLog()
        let fixture = UpstreamFixture(onEvent: { log.append($0) })
        let backend = UpstreamFixture.backend([1, 1, 1, 1], outlier: OutlierPolicy(consecutiveFailures: 3))
        let endpoints = fixture.directory.endpoints(of: backend).endpoints
        let now = UpstreamFixture.second
        for endpoint in endpoints {
            fixture.directory.report(status: 500, endpoint: endpoint, of: backend, now: now)
            fixture.directory.report(.reset, endpoint: endpoint, of: backend, now: now)
            fixture.directory.report(status: 200, endpoint: endpoint, of: backend, now: now)
            fixture.directory.report(status: 500, endpoint: endpoint, of: backend, now: now)
            #expect(endpoint.ejectedUntilNanoseconds == 0)
        }
        #expect(endpoints[0].consecutiveFailures == 1)
        for _ in 0..<2 { fixture.directory.report(status: 502, endpoint: endpoints[0], of: backend, now: now) }
        #expect(endpoints[0].ejectedUntilNanoseconds == 31 * UpstreamFixture.second)
        #expect(
            log.all == [
                .ejected(
                    backend: backend.name, address: "10.0.0.1:80", untilNanoseconds: 31 * UpstreamFixture.second)
            ])
    }

    @Test("Failures further apart than the interval are not in a row")
    func interval() {
        let fixture = UpstreamFixture()
        let policy = OutlierPolicy(consecutiveFailures: 2, gapNanoseconds: 10 * UpstreamFixture.second)
        let backend = UpstreamFixture.backend([1, 1], outlier: policy)
        let endpoint = fixture.directory.endpoints(of: backend).endpoints[0]
        for second: UInt64 in [100, 111, 122] {
            fixture.directory.report(.reset, endpoint: endpoint, of: backend, now: second * UpstreamFixture.second)
            #expect(endpoint.consecutiveFailures == 1)
        }
        fixture.directory.report(.reset, endpoint: endpoint, of: backend, now: 132 * UpstreamFixture.second)
        #expect(endpoint.ejectedUntilNanoseconds == 162 * UpstreamFixture.second)
    }

    @Test("Never more than the allowed share is out")
    func share() {
        let fixture = UpstreamFixture()
        let backend = UpstreamFixture.backend([1, 1, 1, 1], outlier: OutlierPolicy(consecutiveFailures: 1))
        let endpoints = fixture.directory.endpoints(of: backend).endpoints
        for endpoint in endpoints { fixture.directory.report(.reset, endpoint: endpoint, of: backend, now: 5) }
        #expect(endpoints.count { $0.ejectedUntilNanoseconds > 5 } == 2)
    }

    @Test("Without a policy nothing is counted")
    func noPolicy() {
        let fixture = UpstreamFixture()
        let backend = UpstreamFixture.backend([1, 1])
        let endpoint = fixture.directory.endpoints(of: backend).endpoints[0]
        for _ in 0..<100 { fixture.directory.report(.reset, endpoint: endpoint, of: backend, now: 5) }
        #expect(endpoint.consecutiveFailures == 0)
    }
}

/// Events in the order they came.
final class EventLog: Sendable {
    private let events = Mutex<[EndpointEvent]>([])
    init() {}
    func append(_ event: EndpointEvent) { events.withLock { $0.append(event) } }
    var all: [EndpointEvent] { events.withLock { $0 } }
}
