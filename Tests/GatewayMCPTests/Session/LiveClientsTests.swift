import Testing

@testable import GatewayMCP

@Suite("What is kept of clients' sessions")
struct LiveClientsTests {
    @Test func `sessions that were left without a word keep nobody from subscribing`() {
        let clients = LiveClients()
        for session in 0...LiveClients.levelsMax {
            let isKept = clients.setSubscription("a", "s\(session)", server: "demo", isOn: true) {}
            guard isKept else {
                Issue.record("session \(session) is turned away")
                return
            }
        }
        #expect(clients.subscriptions("s\(LiveClients.levelsMax)", server: "demo") == ["a"])
    }

    private static func session(_ number: Int, of owner: String) -> ClientSession {
        ClientSession(
            id: "\(owner)\(number)", revision: .v20251125, place: "", owner: owner, capabilities: [], clientInfo: nil,
            opened: [], openedMilliseconds: number)
    }

    @Test func `however many sessions end, none of them is open again`() {
        let clients = LiveClients()
        let (few, many) = (Self.session(5, of: "few"), (0..<100_001).map { Self.session($0, of: "many") })
        clients.end(few, nowMilliseconds: 200_000)
        for session in many { clients.end(session, nowMilliseconds: 200_000) }
        #expect(clients.hasEnded(few) && many.allSatisfy { clients.hasEnded($0) })
        // Who ends very many ends his own that are as old, and nobody else's.
        #expect(!clients.hasEnded(Self.session(0, of: "other")) && !clients.hasEnded(Self.session(4, of: "few")))
        #expect(!clients.hasEnded(Self.session(100_002, of: "many")))
    }

    @Test func `what many owners end together is bounded, and what is too old opens nothing`() {
        var ended = EndedSessions(ownerCountMax: 10, countMax: 20)
        let all = (0..<40).map { Self.session($0 / 4, of: "o\($0 % 4)") }
        for session in all { ended.insert(session, nowMilliseconds: 100) }
        #expect(all.allSatisfy { ended.contains($0) })
        let life = ClientSession.lifetimeMilliseconds
        #expect(all.allSatisfy { $0.isTooOld(life + 10) } && !all.allSatisfy { $0.isTooOld(life + 8) })
        ended.insert(Self.session(life, of: "new"), nowMilliseconds: life + 60_000)
        #expect(ended.contains(Self.session(life, of: "new")) && !all.contains { ended.contains($0) })
    }

    @Test func `one session has only so many`() {
        let clients = LiveClients()
        for number in 1...LiveClients.subscriptionsMax {
            #expect(clients.setSubscription("\(number)", "s", server: "demo", isOn: true) {})
        }
        #expect(!clients.setSubscription("more", "s", server: "demo", isOn: true) {})
        #expect(clients.setSubscription("1", "s", server: "demo", isOn: false) {})
        #expect(clients.setSubscription("more", "s", server: "demo", isOn: true) {})
    }
}
