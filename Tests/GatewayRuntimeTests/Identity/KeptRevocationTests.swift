import Foundation
import GatewayIdentity
import GatewayModel
import GatewayState
import Synchronization
import Testing

@testable import GatewayRuntime

@Suite("What is revoked is kept, and whoever revokes is told when it is not")
struct KeptRevocationTests {
    private static func run(_ body: (StateStore, RevocationList) throws -> Void) throws {
        let folder = NSTemporaryDirectory() + "sluice-revocations-" + UUID().uuidString
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let store = try StateStore(folder: folder) { 1_000_000 }
        defer { store.close() }
        try body(store, RevocationList())
    }

    private static func user(_ name: String) -> Revocation {
        Revocation(kind: .user, value: name, beforeSeconds: 1_000, untilSeconds: 9_000)
    }

    @Test("what callers were given while it was being written is revoked with the rest")
    func late() throws {
        try Self.run { store, list in
            let clock = Mutex(1_000)
            try GatewayProcess.revoke([Self.user("ann")], store, list) {
                clock.withLock { now in
                    defer { now += 1 }
                    return now
                }
            }
            let kept = try store.revocations()
            #expect(kept.map(\.beforeSeconds) == [1_002])
            #expect(list.all.map(\.beforeSeconds) == [1_002])
        }
    }

    @Test("what is revoked reaches as far ahead as tokens were, also over a restart")
    func ahead() throws {
        try Self.run { store, list in
            list.note(issuedSeconds: 930, nowSeconds: 900)
            try GatewayProcess.revoke([Self.user("ann")], store, list) { 1_000 }
            let kept = try store.revocations()
            #expect(kept.map(\.beforeSeconds) == [1_030])
            #expect(list.all.map(\.beforeSeconds) == [1_030])
        }
    }

    @Test("whoever revokes what then cannot be written to its end hears that it counts")
    func half() throws {
        try Self.run { store, list in
            let asked = Mutex(0)
            let error = #expect(throws: GatewayError.self) {
                try GatewayProcess.revoke([Self.user("ann")], store, list) {
                    asked.withLock { asked in
                        asked += 1
                        // After the first was kept.
                        if asked == 3 { store.close() }
                        return 1_000 + asked
                    }
                }
            }
            #expect(error?.message.hasPrefix("it is revoked") == true)
            #expect(list.all.map(\.beforeSeconds) == [1_003])
        }
    }

    @Test("where there is no room nothing is kept that would count only after a restart")
    func full() throws {
        try Self.run { store, list in
            let many = (0..<RevocationList.entriesMax).map { Self.user("u\($0)") }
            #expect(list.add(many, nowSeconds: 1_000))
            #expect(throws: GatewayError.self) {
                try GatewayProcess.revoke([Self.user("ann")], store, list) { 1_000 }
            }
            let kept = try store.revocations()
            #expect(kept.isEmpty)
        }
    }
}
