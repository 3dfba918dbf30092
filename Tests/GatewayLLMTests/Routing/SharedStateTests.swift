import GatewayModel
import NIOCore
import Testing

@testable import GatewayLLM

@Suite("What is remembered over calls is bounded")
struct SharedStateTests {
    // MARK: Answers that are given again

    private static func key(_ number: Int) -> ReplyCache.Key {
        ReplyCache.key(
            Principal(proof: .apiKey), scope: .principal, model: "m", path: [], body: ByteBuffer(string: "\(number)"),
            also: [])
    }

    private static func entry(_ bytes: Int, until: UInt64 = 100) -> ReplyCache.Entry {
        ReplyCache.Entry(type: [], body: ByteBuffer(repeating: 0x78, count: bytes), untilNanoseconds: until)
    }

    @Test func `of answers the one that was used least lately goes first`() {
        let cache = ReplyCache()
        let quarter = ReplyCache.bytesMax / 4 - 1_024
        for number in 0..<4 { cache.keep(Self.entry(quarter), for: Self.key(number)) }
        #expect(cache.find(Self.key(0), now: 1) != nil)
        cache.keep(Self.entry(quarter), for: Self.key(2))
        cache.keep(Self.entry(quarter), for: Self.key(4))
        let left = (0...4).filter { cache.find(Self.key($0), now: 1) != nil }
        #expect(left == [0, 2, 3, 4])
        #expect(cache.bytes <= ReplyCache.bytesMax)
    }

    @Test func `an answer that is used again and again stays, whatever comes and goes`() {
        let cache = ReplyCache()
        cache.keep(Self.entry(10), for: Self.key(-1))
        for number in 0..<5_000 {
            cache.keep(Self.entry(ReplyCache.bytesMax / 64), for: Self.key(number % 512))
            #expect(cache.find(Self.key(-1), now: 1) != nil)
            #expect(number < 100 || cache.find(Self.key((number - 100) % 512), now: 1) == nil)
        }
        #expect(cache.bytes <= ReplyCache.bytesMax)
    }

    @Test func `an answer that is too old or too large is not given, and takes no room`() {
        let cache = ReplyCache()
        cache.keep(Self.entry(10, until: 5), for: Self.key(1))
        cache.keep(Self.entry(10, until: 9), for: Self.key(2))
        #expect(cache.find(Self.key(1), now: 5) == nil && cache.find(Self.key(2), now: 5) != nil)
        let one = cache.bytes
        cache.keep(Self.entry(10, until: 9), for: Self.key(2))
        #expect(cache.bytes == one)
        // What is small takes room too.
        #expect(one > 100)
        cache.keep(Self.entry(ReplyCache.bytesMax + 1), for: Self.key(3))
        #expect(cache.find(Self.key(3), now: 5) == nil && cache.bytes == 0)
    }

    // MARK: How targets fare

    @Test func `a target is known as long as somebody has it`() {
        let live = LiveTargets()
        let target = live.find(target: "p/m", credential: "a")
        #expect(live.find(target: "p/m", credential: "a") === target)
        #expect(live.find(target: "p/m", credential: "b") !== target)
        weak let provider = live.provider("p")
        #expect(provider == nil)
        for number in 0..<10_000 {
            _ = live.find(target: "p/\(number)", credential: "")
            _ = live.provider("\(number)")
        }
        #expect(live.count <= 256)
        #expect(live.find(target: "p/m", credential: "a") === target)
        let many = (0..<1_000).map { live.find(target: "p/\($0)", credential: "") }
        #expect(many.indices.allSatisfy { live.find(target: "p/\($0)", credential: "") === many[$0] })
    }
}
