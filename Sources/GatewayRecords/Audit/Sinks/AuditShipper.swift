import GatewayModel
import Synchronization

/// Brings every record to one sink, in order and at least once: it reads the log from a cursor that is kept on the
/// disk, and moves that only when the sink has the batch. A sink that is away for a while holds up nobody.
package struct AuditShipper: Sendable {
    package struct Settings: Sendable {
        package var batchRecordsMax = 256
        package var batchBytesMax = 1 << 20
        /// How long it waits when there is nothing new.
        package var idleMilliseconds = 500
        package var backoffMilliseconds = 1_000
        package var backoffMillisecondsMax = 60_000

        package init() {}
    }

    /// Gives a batch to the sink; why it has not got it, otherwise.
    package typealias Deliver = @Sendable ([AuditEntry]) async -> String?
    /// Waits so many milliseconds; throws when the task is cancelled.
    package typealias Pause = @Sendable (Int) async throws -> Void

    private let name: String
    private let log: AuditLog
    private let settings: Settings
    private let pause: Pause
    private let deliver: Deliver

    package init(
        name: String, log: AuditLog, settings: Settings = Settings(), pause: @escaping Pause,
        deliver: @escaping Deliver
    ) {
        self.name = name
        self.log = log
        self.settings = settings
        self.pause = pause
        self.deliver = deliver
    }

    /// Ships until the task is cancelled.
    package func run() async {
        var cursor = AuditCursor.load(name, in: log.folder)
        var backoff = settings.backoffMilliseconds
        while !Task.isCancelled {
            let batch: [AuditEntry]
            var failure: String?
            do throws(GatewayError) { batch = try self.batch(from: cursor.next) } catch {
                batch = []
                failure = error.message
            }
            if failure == nil, batch.isEmpty {
                do { try await pause(settings.idleMilliseconds) } catch { return }
                continue
            }
            if failure == nil { failure = await deliver(batch) }
            guard failure == nil, let last = batch.last else {
                log.sinks.note(name, next: cursor.next, failure: failure)
                do { try await pause(backoff) } catch { return }
                backoff = min(backoff * 2, settings.backoffMillisecondsMax)
                continue
            }
            backoff = settings.backoffMilliseconds
            cursor.next = last.index + 1
            do {
                try cursor.save(name, in: log.folder)
                log.sinks.note(name, next: cursor.next, failure: nil)
            } catch {
                // It gets these once more after a restart: rather twice than not at all.
                log.sinks.note(name, next: cursor.next, failure: "\(error)")
            }
        }
    }

    /// The next records that are on the disk. Throws where they cannot be read: a sink that went on behind them would
    /// have a gap that nobody told it of.
    func batch(from next: Int) throws(GatewayError) -> [AuditEntry] {
        let durable = log.durableCount
        guard next < durable else { return [] }
        let reader = AuditReader(log.folder)
        var expected = next
        // What retention has removed nobody can bring any more.
        if let oldest = reader.oldestRecord { expected = max(next, oldest) }
        var batch: [AuditEntry] = []
        var bytes = 0
        reader.visit(from: expected) { entry in
            guard entry.index == expected, entry.index < durable, batch.count < settings.batchRecordsMax,
                bytes < settings.batchBytesMax
            else { return false }
            batch.append(entry)
            bytes += entry.text.count
            expected += 1
            return true
        }
        guard !batch.isEmpty || expected >= durable else {
            throw GatewayError(
                .unreadableFile, "record \(expected) of the log cannot be read",
                hint: "'sluice audit verify' says what is wrong with it")
        }
        return batch
    }
}

/// How far each sink is.
package final class AuditSinkBoard: Sendable {
    package struct Standing: Sendable, Equatable {
        package var name: String
        package var next: Int
        /// Why it does not get on, if so.
        package var failure: String?
    }

    private let board = Mutex<[String: Standing]>([:])

    init() {}

    package var all: [Standing] { board.withLock { $0.values.sorted { $0.name < $1.name } } }

    func note(_ name: String, next: Int, failure: String?) {
        board.withLock { $0[name] = Standing(name: name, next: next, failure: failure) }
    }

    package func keep(_ names: Set<String>) {
        board.withLock { board in board = board.filter { names.contains($0.key) } }
    }
}
