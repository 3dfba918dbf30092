import Foundation
import GRDB
import GatewayModel
import GatewayPolicy
import Synchronization

/// From the journal into the store. A segment and its number go in with one transaction, so that folding one twice does
/// nothing; only then is its file removed.
extension StateStore {
    private static let foldedName = "folded"

    /// Brings what was written to the disk. Not under the lock: the disk takes its time.
    func sync() {
        let descriptor = ledger.book.withLock { $0.journal.unsynced() }
        guard let descriptor else { return }
        let isSynced = fdatasync(descriptor) == 0
        Foundation.close(descriptor)
        // What the disk did not take may be gone from memory too: the segment ends here.
        if !isSynced { ledger.book.withLock { $0.journal.syncFailed() } }
    }

    /// Moves everything that has been recorded into the store, charges calls whose lease has ended, and cleans up when
    /// it is time.
    package func fold() {
        let time = now()
        folding.withLock { state in
            let ended = ledger.book.withLock { book in
                book.recover()
                _ = book.expireOrphans(now: time)
                book.journal.end()
                return book.journal.takeEnded()
            }
            for file in ended { file.close() }
            makeSpare()
            do {
                try foldFiles(&state.memory)
                try keys.writeLastUses()
                if time >= state.nextCleaningMilliseconds {
                    try clean(nowMilliseconds: time, &state.memory.terms)
                    state.nextCleaningMilliseconds = time + 600_000
                }
                state.failure = nil
                lastFoldMilliseconds.store(time, ordering: .relaxed)
            } catch {
                // The segments stay, and are folded when the store can be written again.
                state.failure = "\(error)"
            }
            dropBlankAccounts(nowMilliseconds: time)
        }
    }

    /// Makes the file of the next segment while no call waits for it.
    private func makeSpare() {
        guard let path = ledger.book.withLock({ $0.journal.sparePath }), let spare = JournalFile(path: path) else {
            return
        }
        spare.reserve()
        ledger.book.withLock { $0.journal.give(spare) }
    }

    /// How long ago everything recorded was in the store; 0 before the first time.
    package var foldAgeMilliseconds: Int {
        let last = lastFoldMilliseconds.load(ordering: .relaxed)
        return last == 0 ? 0 : max(0, now() - last)
    }

    /// Why the store could not be written the last time, if so.
    package var failure: String? { folding.withLock { $0.failure } }
    /// Segments with records that could not be read; their files are kept beside the others.
    package var damagedSegments: Int { damagedCount.load(ordering: .relaxed) }

    private func foldFiles(_ memory: inout FoldMemory) throws {
        let folder = journalPath
        let (current, ended) = ledger.book.withLock { ($0.journal.sequence, Set($0.journal.unfolded.keys)) }
        let found = try JournalSegment.sequences(in: folder).filter { $0 < current }
        for sequence in found {
            // Nothing that ended while the gateway runs has a torn end.
            if try StateStore.fold(sequence, in: folder, database, settings, &memory) != .whole {
                damagedCount.add(1, ordering: .relaxed)
            }
            ledger.book.withLock { book in
                book.journal.folded(sequence)
                book.foldedThrough = max(book.foldedThrough, sequence)
            }
        }
        let lost = ended.subtracting(found).filter { $0 < current }
        damagedCount.add(lost.count, ordering: .relaxed)
        // Segments that came and went without a file are folded, too, as far as can be.
        ledger.book.withLock { book in
            for sequence in lost { book.journal.folded(sequence) }
            book.foldedThrough = max(book.foldedThrough, current - 1)
        }
    }

    /// Folds what is there, and returns the highest number ever used.
    static func foldAll(in folder: String, _ database: DatabasePool, _ settings: LedgerSettings) throws -> Int {
        var memory = FoldMemory()
        for sequence in try JournalSegment.sequences(in: folder) {
            _ = try fold(sequence, in: folder, database, settings, &memory)
        }
        let newest = try database.read { try AccountTable.fact(foldedName, $0) }
        guard JournalSegment.isSequence(newest) || newest == 0 else {
            throw GatewayError(
                .unreadableFile, "the state's number of the newest segment is \(newest), which is none",
                hint: "restore state.db from a copy")
        }
        return newest
    }

    private static func fold(
        _ sequence: Int, in folder: String, _ database: DatabasePool, _ settings: LedgerSettings,
        _ memory: inout FoldMemory
    ) throws -> JournalSegment.End {
        let path = JournalSegment.path(sequence, in: folder)
        var end = JournalSegment.End.whole
        if try database.read({ try AccountTable.fact(foldedName, $0) }) < sequence {
            let most = settings.segmentBytesMax + settings.heldBytesMax + JournalSegment.recordBytesMax
            if try JournalSegment.read(path, bytesMax: most, into: &memory.bytes) {
                let summary = SegmentSummary(memory.bytes, sequence: sequence)
                end = summary.end
                do {
                    try database.write { database in
                        try write(summary, &memory.terms, database)
                        try AccountTable.setFact(foldedName, sequence, database)
                    }
                } catch {
                    memory.terms.forget()
                    throw error
                }
            } else {
                end = .damaged
            }
        }
        // A torn end is what a crash leaves: an unfinished record, and nothing behind it.
        if end == .damaged {
            guard unsafe rename(path, path + JournalSegment.damagedEnding) == 0 else {
                throw GatewayError(.unreadableFile, "cannot read \(path)", hint: "remove it; it is no segment")
            }
        } else {
            unsafe unlink(path)
        }
        return end
    }

    private static func write(
        _ summary: SegmentSummary, _ terms: inout UsageTerms, _ database: Database
    ) throws {
        var ids: [BudgetAccountKey: Int64] = [:]
        func id(_ key: BudgetAccountKey) throws -> Int64 {
            if let known = ids[key] { return known }
            let found = try AccountTable.id(key, database)
            ids[key] = found
            return found
        }
        // In order: an account that was given another number stood later as it stands there.
        for standing in summary.standings {
            for counter in standing.counters {
                try AccountTable.write(counter, account: try id(standing.account), database)
            }
        }
        for opened in summary.opened {
            try AccountTable.insert(opened, accounts: try opened.accounts.map(id), database)
        }
        for closed in summary.closed { try AccountTable.deleteReservation(closed, database) }
        try UsageTable.insert(summary.rows, of: summary.bytes, &terms, database)
    }

    private func dropBlankAccounts(nowMilliseconds: Int) {
        let step = 1_000
        var start = 0
        while true {
            let count = ledger.book.withLock { book in
                let foldedThrough = book.foldedThrough
                book.accounts.dropBlank(
                    from: start, count: step, foldedThrough: foldedThrough, nowMilliseconds: nowMilliseconds)
                return book.accounts.slots.count
            }
            start += step
            if start >= count { return }
        }
    }

    /// Removes old usage, and accounts that say no more than new ones, a bounded number at a time.
    private func clean(nowMilliseconds: Int, _ terms: inout UsageTerms) throws {
        let oldest = nowMilliseconds - settings.usageDays * 86_400_000
        try database.write { try UsageTable.clean(oldest: oldest, now: nowMilliseconds, &terms, $0) }
        let blank = try database.read { database in
            var blank: [BudgetAccountKey] = []
            try AccountTable.forEach(database) { key, account in
                if account.isBlank(nowMilliseconds: nowMilliseconds) { blank.append(key) }
                return blank.count < 10_000
            }
            return blank
        }
        guard !blank.isEmpty else { return }
        try database.write { database in
            for key in blank {
                try database.cachedStatement(
                    sql: """
                        DELETE FROM accounts WHERE policy = ? AND scope = ? AND tenant = ? AND value = ? AND id NOT IN
                        (SELECT account FROM reservation_accounts)
                        """
                ).execute(arguments: [key.policy, Int(key.scope.code), key.tenant, key.value])
            }
        }
    }
}
