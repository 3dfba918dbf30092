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
        // Who ends very many ends none that is still in use: neither another's nor an older one of his own.
        #expect(!clients.hasEnded(Self.session(0, of: "other")) && !clients.hasEnded(Self.session(4, of: "few")))
        #expect(!clients.hasEnded(Self.session(-1, of: "many")) && !clients.hasEnded(Self.session(100_002, of: "many")))
    }

    @Test func `what has ended is bounded, the last are remembered longest, and no other session ends`() {
        var ended = EndedSessions(parts: 1, partCountMax: 160)
        let all = (1...1_000).map { Self.session($0, of: "o\($0 % 4)") }
        for session in all {
            ended.insert(session, nowMilliseconds: 100)
            #expect(ended.count <= 160)
        }
        #expect(all.suffix(150).allSatisfy { ended.contains($0) } && !ended.contains(all[0]))
        #expect(!ended.contains(Self.session(0, of: "o0")) && !ended.contains(Self.session(1_004, of: "o0")))
    }

    @Test func `what has ended is kept as long as its id is good, and no longer`() {
        var ended = EndedSessions(parts: 1, partCountMax: 160)
        let (day, life) = (24 * 3_600_000, ClientSession.lifetimeMilliseconds)
        for number in 0...20 {
            ended.insert(Self.session(number * day, of: "a"), nowMilliseconds: number * day)
            for old in 0...number where (number - old) * day <= life {
                #expect(ended.contains(Self.session(old * day, of: "a")), "\(old) at \(number)")
            }
        }
        #expect(!ended.contains(Self.session(0, of: "a")) && ended.count <= 10)
        // A clock that steps back ends nothing that is opened then.
        ended.insert(Self.session(1, of: "a"), nowMilliseconds: 1)
        #expect(ended.contains(Self.session(1, of: "a")) && !ended.contains(Self.session(2, of: "a")))
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
