import Foundation
import GatewayModel
import GatewayWire
import Synchronization
import Testing

@testable import GatewayRecords

@Suite("Sinks get every record, in order, in their own words", .timeLimit(.minutes(1)))
struct AuditSinkTests {
    private final class Sink: Sendable {
        let got = Mutex<[Int]>([])
        let failures = Mutex(2)

        func take(_ batch: [AuditEntry]) -> String? {
            let fails = failures.withLock { left in
                left -= 1
                return left >= 0
            }
            if fails { return "not now" }
            got.withLock { $0 += batch.map(\.index) }
            return nil
        }
    }

    private func ship(_ log: AuditLog, _ sink: Sink, until count: Int) async {
        var settings = AuditShipper.Settings()
        settings.batchRecordsMax = 7
        let shipper = AuditShipper(
            name: "s", log: log, settings: settings,
            pause: { _ in
                if sink.got.withLock({ $0.count }) >= count { throw CancellationError() }
                await Task.yield()
            }, deliver: { sink.take($0) })
        await shipper.run()
    }

    @Test("after failures and a restart it goes on where it was")
    func cursor() async throws {
        let test = try AuditTestFolder()
        try test.fill(20)
        let log = try AuditLog(test.folder)
        let sink = Sink()
        await ship(log, sink, until: 20)
        #expect(sink.got.withLock { $0 } == Array(0..<20))
        #expect(log.sinks.all == [AuditSinkBoard.Standing(name: "s", next: 20, failure: nil)])
        let trail = AuditTrail(log: log)
        try await trail.commit(AuditTestFolder.event(20))
        await ship(log, sink, until: 21)
        #expect(sink.got.withLock { $0 } == Array(0..<21))
        log.close()
    }

    @Test("a sink stops before what cannot be read, and says so", arguments: [0, 1, 2])
    func unreadable(position: Int) async throws {
        let test = try AuditTestFolder()
        var settings = AuditJournal.Settings()
        settings.segmentBytesMax = 20_000
        try test.fill(100, settings: settings)
        let segment = AuditReader(test.folder).segments[position]
        try Data([1, 2, 3]).write(to: URL(filePath: AuditSegment.path(segment.sequence, in: test.folder.segments)))
        let log = try AuditLog(test.folder)
        defer { log.close() }
        let shipper = AuditShipper(name: "s", log: log, pause: { _ in }, deliver: { _ in nil })
        var next = 0
        while let last = try? shipper.batch(from: next).last { next = last.index + 1 }
        #expect(next == segment.first)
        #expect(throws: GatewayError.self) { try shipper.batch(from: segment.first) }
    }

    @Test("retention deletes whole segments, and nothing that a sink still needs")
    func retention() throws {
        let test = try AuditTestFolder()
        var settings = AuditJournal.Settings()
        settings.segmentBytesMax = 20_000
        try test.fill(100, settings: settings)
        let segments = AuditReader(test.folder).segments
        #expect(segments.count > 4)
        var retention = AuditRetention()
        retention.bytesMax = ByteQuantity(bytes: 30_000)
        let current = try #require(segments.last?.sequence)
        let cleaning = AuditCleaning(folder: test.folder, current: current)
        #expect(cleaning.run(retention, heldBy: ["nobody"], nowMilliseconds: 1_790_000_000_000) == nil)
        let removed = try #require(cleaning.run(retention, heldBy: [], nowMilliseconds: 1_790_000_000_000))
        #expect(removed.records.lowerBound == 0)
        let left = try #require(AuditReader(test.folder).segments.first)
        #expect(left.first == removed.records.upperBound)
        // What is left still proves where it stands.
        let report = try AuditLogVerification.run(test.folder)
        #expect(report.isProven, "\(report.faults)")
        #expect(report.first == left.first)
    }

    @Test("OTLP logs are JSON with a body and attributes; syslog is counted octets of RFC 5424")
    func words() throws {
        let test = try AuditTestFolder()
        try test.fill(4)
        let tree = try JSONTree.parse(AuditSinkText.otlpLogs(test.entries, gateway: "g"))
        let logs = tree["resourceLogs"]?.array?.first?["scopeLogs"]?.array?.first?["logRecords"]?.array
        #expect(logs?.count == 4)
        let body = try #require(logs?.first?["body"]?["stringValue"]?.string?.value)
        #expect(Array(body.utf8) == test.entries[0].text)
        let syslog = String(decoding: AuditSinkText.syslog(test.entries, host: "h"), as: UTF8.self)
        let length = try #require(Int(syslog.prefix { $0 != " " }))
        let first = syslog.drop { $0 != " " }.dropFirst().prefix(length)
        #expect(first.hasPrefix("<110>1 2026-09-21T14:13:20.000Z h sluice - AUDIT - {"))
        #expect(first.hasSuffix("}"))
        let lines = AuditSinkText.lines(test.entries).split(separator: 0x0A)
        #expect(try JSONTree.parse(Array(lines[3]))["index"]?.int == 3)
    }

    @Test("instants are written without a calendar library")
    func time() {
        #expect(AuditTime.text(milliseconds: 1_369_353_600_000) == "2013-05-24T00:00:00.000Z")
        #expect(AuditTime.text(milliseconds: 951_782_400_123) == "2000-02-29T00:00:00.123Z")
        #expect(AuditTime.text(milliseconds: -1) == "1969-12-31T23:59:59.999Z")
    }
}
