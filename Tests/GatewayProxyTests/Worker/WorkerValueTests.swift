import GatewayModel
import GatewayWire
import NIOCore
import Synchronization
import Testing

@testable import GatewayProxy

@Suite("The small values of a worker")
struct WorkerValueTests {
    @Test(
        "the date of an answer",
        arguments: [
            (0, "Thu, 01 Jan 1970 00:00:00 GMT"), (784_111_777, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 GMT"), (951_782_400, "Tue, 29 Feb 2000 00:00:00 GMT"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 GMT"), (1_709_164_800, "Thu, 29 Feb 2024 00:00:00 GMT"),
            (1_735_689_599, "Tue, 31 Dec 2024 23:59:59 GMT"), (1_735_689_600, "Wed, 01 Jan 2025 00:00:00 GMT"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 GMT"), (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 GMT"),
        ] as [(UInt64, String)])
    func date(second: UInt64, text: String) {
        #expect(String(decoding: WallClock.format(second: second), as: UTF8.self) == text)
    }

    @Test("the clock keeps the text of its second")
    func clock() {
        var clock = WallClock()
        clock.refresh(uptimeNanoseconds: 1_000)
        #expect(clock.dateBytes.count == 29)
        #expect(clock.dateBytes == WallClock.format(second: clock.nanoseconds / 1_000_000_000))
        #expect(clock.aheadOfUptime &+ 1_000 == clock.nanoseconds)
    }

    @Test("random numbers stay below their bound and reach all of it", arguments: [1, 2, 3, 7, 100] as [UInt64])
    func random(bound: UInt64) {
        var random = LoopRandom(seed: 42)
        var counts = [Int](repeating: 0, count: Int(bound))
        for _ in 0..<20_000 {
            let number = random.next(below: bound)
            #expect(number < bound)
            counts[Int(number)] += 1
        }
        let share = 20_000 / Int(bound)
        #expect(counts.allSatisfy { abs($0 - share) < share / 2 + 1 })
    }

    @Test("the same seed gives the same numbers, another others")
    func seeds() {
        var (first, second, third) = (LoopRandom(seed: 1), LoopRandom(seed: 1), LoopRandom(seed: 2))
        let numbers = (0..<8).map { _ in first.next() }
        #expect(numbers == (0..<8).map { _ in second.next() })
        #expect(numbers != (0..<8).map { _ in third.next() })
        #expect(Set(numbers).count == 8)
    }

    @Test("a held body counts what it keeps and knows when it is no longer whole")
    func heldBody() {
        var held = HeldBody()
        let chunk = ByteBuffer(string: "12345")
        held.hold(chunk)
        held.remember(chunk, bytesMax: 10)
        #expect(held.byteCount == 10 && held.isWhole && held.chunks.count == 2)
        held.remember(chunk, bytesMax: 14)
        #expect(held.byteCount == 0 && !held.isWhole && held.chunks.isEmpty)
        held.remember(chunk, bytesMax: 100)
        #expect(held.chunks.isEmpty, "a hole cannot be mended")
        held.reset()
        #expect(held.isWhole)
    }

    @Test("edits are applied in the order set, add, remove")
    func edits() {
        func field(_ name: String, _ value: String) -> HeaderEdits.Field {
            HeaderEdits.Field(name: Array(name.utf8), value: Array(value.utf8))
        }
        let edits = HeaderEdits(
            set: [field("x-a", "set"), field("x-new", "1")], add: [field("x-a", "added"), field("x-gone", "2")],
            remove: [Array("x-gone".utf8), Array("x-absent".utf8)])
        var fields = FieldBlock()
        fields.append("x-a", "one")
        fields.append("x-a", "two")
        fields.append("x-gone", "1")
        edits.apply(to: &fields)
        let result = fields.entries.map { "\(fields.text($0.name))=\(fields.text($0.value))".lowercased() }
        #expect(result.sorted() == ["x-a=added", "x-a=set", "x-new=1"])
        #expect(HeaderEdits.none.isEmpty && !edits.isEmpty)
    }
}

@Suite("Snapshots are swapped under running loops")
struct SnapshotStoreTests {
    private static func snapshot(_ revision: UInt64) -> Snapshot {
        Snapshot(revision: revision, limits: .standard, ports: [], backends: [])
    }

    @Test("a reader takes what is new, and only then")
    func refreshes() {
        let store = SnapshotStore(Self.snapshot(1))
        var (cached, seen) = (Snapshot.empty, UInt64(0))
        store.refresh(&cached, seen: &seen)
        #expect(cached.revision == 1)
        let first = cached
        store.refresh(&cached, seen: &seen)
        #expect(cached === first)
        store.publish(Self.snapshot(2))
        #expect(cached.revision == 1)
        store.refresh(&cached, seen: &seen)
        #expect(cached.revision == 2)
        #expect(store.load().revision == 2)
    }

    @Test("readers on many threads never go back and end at the last", .timeLimit(.minutes(1)))
    func races() async {
        let store = SnapshotStore(Self.snapshot(0))
        let last: UInt64 = 2_000
        let reached = await withTaskGroup(of: UInt64.self) { group in
            for _ in 0..<3 {
                group.addTask {
                    var (cached, seen, highest) = (Snapshot.empty, UInt64(0), UInt64(0))
                    while highest < last {
                        store.refresh(&cached, seen: &seen)
                        guard cached.revision >= highest else { return 0 }
                        highest = cached.revision
                        await Task.yield()
                    }
                    return highest
                }
            }
            group.addTask {
                for revision in 1...last {
                    store.publish(Self.snapshot(revision))
                    if revision % 50 == 0 { await Task.yield() }
                }
                return last
            }
            var results: [UInt64] = []
            for await result in group { results.append(result) }
            return results
        }
        #expect(reached.allSatisfy { $0 == last })
    }
}
