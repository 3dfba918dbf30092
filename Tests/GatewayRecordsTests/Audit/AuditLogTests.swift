import Foundation
import GatewayModel
import GatewayWire
import Synchronization
import Testing

@testable import GatewayRecords

@Suite("Records reach the disk, or whoever needs them there is told", .timeLimit(.minutes(1)))
struct AuditLogTests {
    private func log(
        _ test: AuditTestFolder, _ disk: TestDisk = TestDisk(), queueRecordsMax: Int = 65_536,
        batchRecordsMax: Int = 256, lingerMilliseconds: Int = 0
    ) throws -> AuditLog {
        var settings = AuditLog.Settings()
        settings.queueRecordsMax = queueRecordsMax
        settings.batchRecordsMax = batchRecordsMax
        settings.lingerMilliseconds = lingerMilliseconds
        settings.retryMilliseconds = 5
        settings.isDiskFull = { disk.isFull.load(ordering: .relaxed) }
        settings.isDiskFailing = { disk.isFailing.load(ordering: .relaxed) }
        return try AuditLog(test.folder, settings: settings)
    }

    private func rules(_ auditClass: String) throws -> AuditRules {
        AuditRules([AuditPolicySpec(auditClass: try #require(AuditClass(rawValue: auditClass)))])
    }

    @Test("a strict record is on the disk when the call goes on, and its outcome follows")
    func strict() async throws {
        let test = try AuditTestFolder()
        let log = try log(test)
        let trail = AuditTrail(log: log, rules: try rules("strict"))
        let ticket = try await trail.begin(AuditTestFolder.event(1))
        #expect(log.durableCount == 1)
        ticket.outcome(timeMilliseconds: 2) { $0.effect = AuditEffect(.done, status: 200) }
        ticket.outcome(timeMilliseconds: 3) { _ in }
        #expect(log.close())
        #expect(test.states == ["pending", "done"])
        #expect(log.durableCount == 2)
    }

    @Test("an outcome that nobody tells is told for them")
    func dropped() async throws {
        let test = try AuditTestFolder()
        let log = try log(test)
        let trail = AuditTrail(log: log, rules: try rules("strict"))
        _ = try await trail.begin(AuditTestFolder.event(1))
        #expect(log.close())
        #expect(test.states == ["pending", "aborted"])
    }

    @Test("a call that is over before its intent is taken is one record: what was asked and what came of it")
    func whole() throws {
        let test = try AuditTestFolder()
        let log = try log(test, lingerMilliseconds: 600_000)
        let trail = AuditTrail(log: log)
        let tickets = try (0..<3).map { try test.intent(AuditTestFolder.event($0), trail) }
        tickets[1].outcome(timeMilliseconds: 1_790_000_009_999) { $0.effect = AuditEffect(.done, status: 200) }
        tickets[0].outcome(timeMilliseconds: 1_790_000_009_998) { $0.effect = AuditEffect(.failed, status: 502) }
        tickets[0].outcome(timeMilliseconds: 1_790_000_009_999) { _ in }
        #expect(log.promised.load(ordering: .relaxed) == 1)
        #expect(log.close())
        tickets[2].outcome(timeMilliseconds: 1) { _ in }
        let trees = test.entries.compactMap(\.tree)
        #expect(test.states == ["failed", "done", "pending"])
        #expect(trees.map { $0["end_time"]?.int } == [1_790_000_009_998, 1_790_000_009_999, nil])
        #expect(
            trees.map { $0["time"]?.int } == (0..<3).map { AuditTestFolder.event($0).timeMilliseconds })
        #expect(trees.allSatisfy { $0["unmapped"]?["decision"]?["facts"] != nil })
        #expect(try AuditLogVerification.run(test.folder).isProven)
    }

    @Test("many records at once leave a call under way to the next round, which takes it whatever came of it")
    func left() async throws {
        let test = try AuditTestFolder()
        let log = try log(test, batchRecordsMax: 4, lingerMilliseconds: 600_000)
        let trail = AuditTrail(log: log)
        let tickets = try (0..<2).map { try test.intent(AuditTestFolder.event($0), trail) }
        for number in 2..<4 { trail.record(AuditTestFolder.event(number)) }
        while log.recordCount < 2 { await Task.yield() }
        #expect(log.queuedRecords == 2)
        tickets[1].outcome(timeMilliseconds: 1_790_000_000_009) { _ in }
        for number in 4..<8 { trail.record(AuditTestFolder.event(number)) }
        while log.recordCount < 8 { await Task.yield() }
        #expect(log.queuedRecords == 0)
        tickets[0].outcome(timeMilliseconds: 1_790_000_000_010) { _ in }
        #expect(log.close())
        #expect(test.states == ["pending", "done", "done"])
        #expect(log.promised.load(ordering: .relaxed) == 0)
        #expect(log.durableCount == 9)
        #expect(try AuditLogVerification.run(test.folder).isProven)
    }

    @Test("what was left is written in time although nothing else comes, and before the end")
    func leftAlone() async throws {
        let test = try AuditTestFolder()
        for linger in [30, 600_000] {
            let log = try log(test, batchRecordsMax: 4, lingerMilliseconds: linger)
            let trail = AuditTrail(log: log)
            let before = log.recordCount
            let ticket = try test.intent(AuditTestFolder.event(0), trail)
            for number in 1..<4 { trail.record(AuditTestFolder.event(number)) }
            while linger == 30, log.recordCount < before + 4 { await Task.yield() }
            #expect(log.close())
            #expect(log.durableCount == before + 4)
            ticket.outcome(timeMilliseconds: 1) { _ in }
        }
        #expect(test.states == ["pending", "pending"])
    }

    @Test("an intent that was taken, or given back by a full disk, keeps its place; its outcome is a second record")
    func places() async throws {
        let test = try AuditTestFolder()
        let disk = TestDisk()
        let log = try log(test, disk)
        let trail = AuditTrail(log: log)
        let first = try test.intent(AuditTestFolder.event(0), trail)
        while log.recordCount < 1 { await Task.yield() }
        disk.isFull.store(true, ordering: .relaxed)
        let second = try test.intent(AuditTestFolder.event(1), trail)
        // It was taken and put back, and others came in between.
        while log.failure == nil { await Task.yield() }
        for number in 2..<6 { trail.record(AuditTestFolder.event(number)) }
        for ticket in [second, first] { ticket.outcome(timeMilliseconds: 9) { _ in } }
        disk.isFull.store(false, ordering: .relaxed)
        #expect(log.close())
        let told = test.entries.compactMap(\.tree).compactMap { $0["metadata"]?["correlation_uid"]?.string?.value }
        let counts = (0..<6).map { number in told.filter { $0.hasSuffix("\(number)") }.count }
        #expect(counts == [2, 2, 1, 1, 1, 1])
        #expect(test.states.filter { $0 == "done" }.count == 2)
    }

    @Test("while the disk is full strict calls are refused; they go on by themselves when there is space again")
    func diskFull() async throws {
        let test = try AuditTestFolder()
        let disk = TestDisk()
        let log = try log(test, disk)
        let trail = AuditTrail(log: log, rules: try rules("strict"))
        disk.isFull.store(true, ordering: .relaxed)
        for number in 0..<3 {
            await #expect(throws: GatewayError.self) { _ = try await trail.begin(AuditTestFolder.event(number)) }
        }
        #expect(log.failure != nil)
        // A standard record waits for the space.
        let standard = AuditTrail(log: log)
        #expect(standard.record(AuditTestFolder.event(4)))
        disk.isFull.store(false, ordering: .relaxed)
        while log.failure != nil { try await Task.sleep(for: .milliseconds(1)) }
        let ticket = try await trail.begin(AuditTestFolder.event(9))
        ticket.outcome(timeMilliseconds: 1) { _ in }
        #expect(log.close())
        #expect(
            test.entries.contains { $0.tree?["metadata"]?["correlation_uid"]?.string?.value.hasSuffix("4") == true })
        #expect(log.promised.load(ordering: .relaxed) == 0)
    }

    @Test("while the disk fails nothing is told to be there, and that it takes records again is told once")
    func diskFailing() async throws {
        let test = try AuditTestFolder()
        let disk = TestDisk()
        let log = try log(test, disk)
        let trail = AuditTrail(log: log, rules: try rules("strict"))
        disk.isFailing.store(true, ordering: .relaxed)
        await #expect(throws: GatewayError.self) { _ = try await trail.begin(AuditTestFolder.event(1)) }
        let failures = log.writeFailures
        while log.writeFailures < failures + 3 { await Task.yield() }
        #expect(log.durableCount == 0)
        disk.isFailing.store(false, ordering: .relaxed)
        while log.failure != nil { await Task.yield() }
        #expect(log.close())
        let operations = test.entries.map { $0.tree?["api"]?["operation"]?.string?.value ?? "" }
        #expect(operations.filter { $0 == "audit.resumed" }.count <= 1)
        #expect(log.durableCount == test.entries.count)
    }

    @Test("a full queue refuses standard, drops best effort and counts it, and keeps its promises")
    func fullQueue() throws {
        let test = try AuditTestFolder()
        let disk = TestDisk()
        // The first segment is made before the disk fills.
        let log = try log(test, disk, queueRecordsMax: 4)
        disk.isFull.store(true, ordering: .relaxed)
        let trail = AuditTrail(log: log)
        guard case .proceed(let ticket) = trail.intent(AuditTestFolder.event(0)) else {
            Issue.record("refused")
            return
        }
        var refused = 0
        for number in 1..<8 where !trail.record(AuditTestFolder.event(number)) { refused += 1 }
        #expect(refused > 0)
        let loose = AuditTrail(log: log, rules: try rules("bestEffort"))
        #expect(loose.record(AuditTestFolder.event(8)))
        #expect(log.droppedRecords == 1)
        ticket.outcome(timeMilliseconds: 5) { _ in }
        disk.isFull.store(false, ordering: .relaxed)
        #expect(log.close())
        let operations = test.entries.map { $0.tree?["api"]?["operation"]?.string?.value ?? "" }
        #expect(operations.contains("audit.dropped"))
        #expect(test.states == ["pending", "done"] || test.states == ["done"])
    }

    @Test("many threads at once leave one chain without gaps")
    func concurrent() async throws {
        let test = try AuditTestFolder()
        let log = try log(test)
        let trail = AuditTrail(log: log)
        await withTaskGroup { group in
            for task in 0..<4 {
                group.addTask {
                    for number in 0..<500 { trail.record(AuditTestFolder.event(task * 500 + number)) }
                }
            }
        }
        #expect(log.close())
        #expect(test.entries.map { $0.tree?["metadata"]?["sequence"]?.int } == Array(0..<2_000).map { $0 })
    }
}
