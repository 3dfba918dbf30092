import NIOCore
import Testing

@testable import GatewayProxy

@Suite("Configured hosts and answers of DNS make endpoints")
struct EndpointPlanTests {
    private static func answer(_ texts: [String]) throws -> NameAnswer {
        .addresses(try texts.map { try SocketAddress(ipAddress: $0, port: 0) })
    }

    private static func texts(_ plan: EndpointPlan) -> [String] {
        plan.places.map { "\($0.host) \($0.address.ipAddress ?? "")/\($0.address.port ?? 0) \($0.weight)" }
    }

    @Test("Literals of both families need no answer; brackets are allowed")
    func literals() {
        let specs = [
            EndpointSpec(host: "127.0.0.1", port: 80), EndpointSpec(host: "::1", port: 81, weight: 2),
            EndpointSpec(host: "[::1]", port: 82),
        ]
        let plan = EndpointPlan(specs: specs, answers: [:])
        #expect(Self.texts(plan) == ["127.0.0.1 127.0.0.1/80 1", "::1 ::1/81 2", "[::1] ::1/82 1"])
        #expect(plan.unit == 1)
    }

    @Test("A name without an answer, or without a good one, has no endpoints")
    func unanswered() {
        let specs = [EndpointSpec(host: "a.test", port: 80), EndpointSpec(host: "b.test", port: 80)]
        #expect(EndpointPlan(specs: specs, answers: ["b.test": .failed("no such name")]).places.isEmpty)
    }

    @Test("A name's weight is shared by its addresses")
    func split() throws {
        let specs = [
            EndpointSpec(host: "a.test", port: 80, weight: 3), EndpointSpec(host: "10.0.0.9", port: 81, weight: 1),
        ]
        let plan = EndpointPlan(
            specs: specs, answers: ["a.test": try Self.answer(["10.0.0.1", "10.0.0.2", "10.0.0.3"])])
        #expect(
            Self.texts(plan) == [
                "a.test 10.0.0.1/80 2520", "a.test 10.0.0.2/80 2520", "a.test 10.0.0.3/80 2520",
                "10.0.0.9 10.0.0.9/81 2520",
            ])
        #expect(plan.unit == EndpointPlan.splitUnit)
    }

    @Test("One name alone shares nothing; addresses are bounded")
    func bounds() throws {
        let many = (0..<100).map { "10.0.1.\($0)" }
        let plan = EndpointPlan(
            specs: [EndpointSpec(host: "a.test", port: 80)], answers: ["a.test": try Self.answer(many)])
        #expect(plan.places.count == EndpointPlan.addressesPerNameMax)
        #expect(plan.places.allSatisfy { $0.weight == 1 })
    }

    @Test("The same host and address twice is one endpoint; the same address under two names is two")
    func duplicates() throws {
        let specs = [
            EndpointSpec(host: "10.0.0.1", port: 80, weight: 1), EndpointSpec(host: "10.0.0.1", port: 80, weight: 4),
            EndpointSpec(host: "10.0.0.1", port: 81), EndpointSpec(host: "a.test", port: 80),
        ]
        let plan = EndpointPlan(specs: specs, answers: ["a.test": try Self.answer(["10.0.0.1"])])
        #expect(
            Self.texts(plan) == ["10.0.0.1 10.0.0.1/80 5", "10.0.0.1 10.0.0.1/81 1", "a.test 10.0.0.1/80 1"])
    }
}
