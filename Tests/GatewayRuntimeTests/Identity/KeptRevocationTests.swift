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
