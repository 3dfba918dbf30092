import Foundation
import GatewayModel
import Synchronization
import Testing

@testable import GatewayState

@Suite("Managed keys are made once and known by their hash")
struct KeyListTests {
    private let fixture = StateFixture(now: 0)

    private func draft(_ change: (inout ManagedKey) -> Void = { _ in }) -> ManagedKey {
        var key = ManagedKey(id: "", hint: "", createdSeconds: 0)
        key.user = "alice"
        change(&key)
        return key
    }

    @Test func aKeyOutlivesTheProcessAndItsSecretDoesNot() throws {
        let store = try fixture.open()
        let limit = try #require(BudgetLimit("5usd/1d"))
        let made = try store.keys.create(
            draft {
                $0.groups = ["engineering", "search"]
                $0.models = ["gpt-5-*"]
                $0.limits = [limit]
                $0.expiresSeconds = 2_000
            }, nowSeconds: 1_000)
        #expect(made.secret.hasPrefix("slk_"))
        #expect(made.secret.count == 47)
        #expect(made.key.hint == String(made.secret.prefix(8)))
        #expect(made.key.digest == KeySecret.digest(made.secret))
        store.close()
        let again = try fixture.open()
        #expect(again.keys.all() == [made.key])
        #expect(again.keys.all()[0].principal.grant?.limits == [limit])
        again.close()
        let files = try #require(FileManager.default.enumerator(atPath: fixture.folder)?.allObjects as? [String])
        for file in files {
            let bytes = FileManager.default.contents(atPath: "\(fixture.folder)/\(file)") ?? Data()
            #expect(bytes.range(of: Data(made.secret.utf8)) == nil, "\(file)")
        }
    }

    @Test func everyChangeIsHeardOf() throws {
        let store = try fixture.open()
        let heard = Mutex<[[ManagedKey.State]]>([])
        store.keys.follow { keys in heard.withLock { $0.append(keys.map(\.state)) } }
        let key = try store.keys.create(draft(), nowSeconds: 1).key
        _ = try store.keys.set(key.id, .blocked, nowSeconds: 2)
        _ = try store.keys.set(key.id, .active, nowSeconds: 3)
        _ = try store.keys.set(key.id, .revoked, nowSeconds: 4)
        #expect(heard.withLock { $0 } == [[], [.active], [.blocked], [.active], [.revoked]])
        for state in [ManagedKey.State.active, .blocked] {
            #expect(throws: GatewayError.self) { try store.keys.set(key.id, state, nowSeconds: 5) }
        }
        #expect(throws: GatewayError.self) { try store.keys.rotate(key.id, graceSeconds: 0, nowSeconds: 5) }
        #expect(throws: GatewayError.self) { try store.keys.find("key_nobody") }
    }

    @Test func aRotatedKeyKeepsItsIdAndForAWhileItsSecret() throws {
        let store = try fixture.open()
        let first = try store.keys.create(draft(), nowSeconds: 1)
        let second = try store.keys.rotate(first.key.id, graceSeconds: 60, nowSeconds: 100)
        #expect(second.key.id == first.key.id)
        #expect(second.secret != first.secret)
        #expect(second.key.earlierDigest == first.key.digest)
        #expect(second.key.earlierUntilSeconds == 160)
        let third = try store.keys.rotate(first.key.id, graceSeconds: 0, nowSeconds: 120)
        #expect(third.key.earlierDigest == nil)
        store.close()
        #expect(try fixture.open().keys.all() == [third.key])
    }

    @Test(arguments: ["", "a,b", "line\nbreak", "nul\0", String(repeating: "x", count: 257)])
    func whatNoKeyMaySayIsRefused(name: String) throws {
        let store = try fixture.open()
        for change: (inout ManagedKey) -> Void in [
            { $0.user = name }, { $0.tenant = name }, { $0.groups = [name] }, { $0.models = [name] },
            { $0.run = name },
        ] {
            #expect(throws: GatewayError.self) { try store.keys.create(draft(change), nowSeconds: 1) }
        }
        #expect(store.keys.all().isEmpty)
    }

    @Test func aKeyThatExpiredBeforeItWasMadeIsRefused() throws {
        let store = try fixture.open()
        #expect(throws: GatewayError.self) {
            try store.keys.create(draft { $0.expiresSeconds = 1_000 }, nowSeconds: 1_000)
        }
    }

    @Test func lastUsesAreGatheredAndKept() throws {
        let store = try fixture.open()
        let key = try store.keys.create(draft(), nowSeconds: 1).key
        let uses = Mutex([(id: key.id, seconds: 50), (id: "key_gone", seconds: 60)])
        store.keys.askLastUses { uses.withLock { $0 } }
        #expect(store.keys.all().map(\.lastUsedSeconds) == [50])
        // What has been asked for in between is written with the next fold nevertheless.
        uses.withLock { $0[0].seconds = 70 }
        store.fold()
        store.close()
        #expect(try fixture.open().keys.all().map(\.lastUsedSeconds) == [70])
    }

    @Test func whatWasMadeBeforeABlockIsStillEndedAfterIt() throws {
        fixture.now = 1_000_000
        let store = try fixture.open()
        let key = try store.keys.create(draft(), nowSeconds: 1_000).key
        #expect(try store.revocations().isEmpty)
        _ = try store.keys.set(key.id, .blocked, nowSeconds: 1_000)
        _ = try store.keys.set(key.id, .active, nowSeconds: 1_010)
        store.close()
        let again = try fixture.open()
        let kept = try again.revocations()
        #expect(kept.map(\.kind) == [.grant] && kept.map(\.value) == [key.id])
        #expect(kept.map(\.beforeSeconds) == [1_000])
        #expect((kept.first?.untilSeconds ?? 0) > 1_000 + 86_400)
    }

    @Test func whatIsMadeWhileABlockIsBeingWrittenEndsWithIt() throws {
        // Whoever blocked it asked the clock, and then had to wait for the disk.
        fixture.now = 1_003_000
        let store = try fixture.open()
        let key = try store.keys.create(draft(), nowSeconds: 1_000).key
        let blocked = try store.keys.set(key.id, .blocked, nowSeconds: 1_000)
        #expect(blocked.changedSeconds == 1_003)
        #expect(try store.revocations().map(\.beforeSeconds) == [1_003])
        #expect(blocked.revocation(nowSeconds: 1_004)?.beforeSeconds == 1_003)
    }

    @Test func secretsAreNeverTheSame() {
        #expect(Set((0..<1_000).map { _ in KeySecret.make() }).count == 1_000)
        #expect(Set((0..<1_000).map { _ in KeySecret.makeID() }).count == 1_000)
    }
}
