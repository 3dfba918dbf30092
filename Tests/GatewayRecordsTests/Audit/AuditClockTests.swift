import Foundation
import GatewayModel
import Synchronization
import Testing

@testable import GatewayRecords

@Suite("A wall clock that is set breaks nothing of the log", .timeLimit(.minutes(1)))
struct AuditClockTests {
    private static let start = 1_790_000_000_000
    private static let day = 86_400_000

    private final class Clock: Sendable {
        let now = Atomic(AuditClockTests.start)
    }

    @Test("T25: set back or forward between records, the chain holds and their order is that of their numbers")
    func chain() throws {
        let test = try AuditTestFolder()
        let clock = Clock()
        var settings = AuditLog.Settings()
        settings.wallMilliseconds = { clock.now.load(ordering: .relaxed) }
        settings.checkpointMilliseconds = 1
        // An hour back, ten years on, and before 1970.
        for step in [0, -3_600_000, 10 * 365 * Self.day, -Self.start - Self.day, Self.day] {
            clock.now.add(step, ordering: .relaxed)
            // A new life each time, too: it begins with the log of the last.
            let log = try AuditLog(test.folder, settings: settings)
            let trail = AuditTrail(log: log)
            for number in 0..<20 {
                var event = AuditTestFolder.event(number)
                event.timeMilliseconds = clock.now.load(ordering: .relaxed)
                #expect(trail.record(event))
            }
            #expect(log.close())
        }
        let report = try AuditLogVerification.run(test.folder)
        #expect(report.isProven, "\(report.faults)")
        #expect(test.entries.map(\.index) == Array(0..<100))
    }

    @Test("T25: set forward by years while the gateway runs, retention deletes nothing; as time passes it does")
    func retention() throws {
        let test = try AuditTestFolder()
        var settings = AuditJournal.Settings()
        settings.segmentBytesMax = 8 * 1024
        try test.fill(60, settings: settings)
        let kept = AuditReader(test.folder).segments.count
        #expect(kept > 3)
        let current = try #require(AuditReader(test.folder).segments.last?.sequence)
        let age = AuditAge(wall: Self.start, monotonic: 1_000)
        let cleaning = AuditCleaning(folder: test.folder, current: current)
        func run(wall: Int, monotonic: Int) -> AuditCleaning.Removed? {
            var retention = AuditRetention()
            retention.days = 400
            return cleaning.run(
                retention, heldBy: [], nowMilliseconds: age.now(wall: Self.start + wall, monotonic: 1_000 + monotonic))
        }
        #expect(run(wall: 4_000 * Self.day, monotonic: 60_000) == nil)
        #expect(run(wall: -4_000 * Self.day, monotonic: 60_000) == nil)
        #expect(AuditReader(test.folder).segments.count == kept)
        #expect(run(wall: 399 * Self.day, monotonic: 399 * Self.day) == nil)
        #expect(run(wall: 401 * Self.day, monotonic: 401 * Self.day)?.records.lowerBound == 0)
        #expect(try AuditLogVerification.run(test.folder).isProven)
    }
}
