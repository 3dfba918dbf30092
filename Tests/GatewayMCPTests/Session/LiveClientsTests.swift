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
