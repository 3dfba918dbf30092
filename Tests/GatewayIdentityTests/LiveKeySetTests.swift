import Dispatch
import GatewayModel
import Testing

@testable import GatewayIdentity

@Suite("Live keys are swapped in one step")
struct LiveKeySetTests {
    private func entry(_ key: String, id: String, expires: Int? = nil, isBlocked: Bool = false) -> LiveKeySet.Entry {
        let digits = Array(APIKeySet.digestText(of: key).utf8)
        let digest = stride(from: 0, to: digits.count, by: 2).map { index in
            UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16) ?? 0
        }
        return LiveKeySet.Entry(
            digest: digest, principal: Principal(proof: .apiKey, user: id, credentialID: id), expiresSeconds: expires,
            isBlocked: isBlocked)
    }

    @Test func keysComeAndGo() {
        let live = LiveKeySet()
        #expect(live.current.find("one", nowSeconds: 5) == .unknown)
        live.replace([entry("one", id: "a", expires: 10), entry("two", id: "b", isBlocked: true)])
        let held = live.current
        #expect(live.current.find("one", nowSeconds: 5).isAccepted)
        #expect(live.current.find("one", nowSeconds: 10) == .expired(id: "a"))
        #expect(live.current.find("two", nowSeconds: 5) == .blocked(id: "b"))
        live.replace([entry("two", id: "b")])
        #expect(live.current.find("one", nowSeconds: 5) == .unknown)
        #expect(live.current.find("two", nowSeconds: 5).isAccepted)
        // Who has begun with a set keeps it.
        #expect(held.find("one", nowSeconds: 5).isAccepted)
    }

    @Test func lastUsesOutliveASwap() {
        let live = LiveKeySet()
        live.replace([entry("one", id: "a"), entry("old", id: "a"), entry("two", id: "b")])
        #expect(live.lastUses().isEmpty)
        _ = live.current.find("old", nowSeconds: 7)
        _ = live.current.find("nobody", nowSeconds: 8)
        live.replace([entry("one", id: "a")])
        #expect(live.lastUses().map(\.id) == ["a"])
        #expect(live.lastUses().map(\.seconds) == [7])
        _ = live.current.find("one", nowSeconds: 6)
        #expect(live.lastUses().map(\.seconds) == [7])
    }

    @Test func swapsUnderLookUpsAreSafe() {
        let live = LiveKeySet()
        let entries = (0..<50).map { entry("key-\($0)", id: "id-\($0)") }
        DispatchQueue.concurrentPerform(iterations: 8) { thread in
            for round in 0..<200 {
                if thread == 0 {
                    live.replace(Array(entries[0..<(10 + round % 40)]))
                } else {
                    _ = live.current.find("key-\(round % 50)", nowSeconds: round)
                }
            }
        }
        live.replace(entries)
        #expect(live.current.find("key-49", nowSeconds: 1).isAccepted)
    }
}

extension APIKeySet.Finding {
    fileprivate var isAccepted: Bool {
        if case .accepted = self { true } else { false }
    }
}
