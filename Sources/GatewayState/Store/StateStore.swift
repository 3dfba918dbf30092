import Foundation
import GRDB
package import GatewayModel
import GatewayPolicy
import Synchronization

/// What must be found again: the ledger, usage and keys of one state folder. Requests speak to the ledger and to what
/// is in memory; SQLite is the business of this store's own thread and of whoever asks for lists.
package final class StateStore: Sendable {
    package let ledger: Ledger
    package let settings: LedgerSettings
    let database: DatabasePool
    let now: @Sendable () -> Int
    package let keys: KeyList
    /// Definitions of tools and calls that wait for a person.
    package let tools: ToolBook
    /// What users let the gateway do at servers of tools.
    package let connections: ConnectionBook
    /// What providers keep for callers.
    package let objects: ProviderObjectBook
    /// Folding is done by one at a time.
    let folding = Mutex(FoldState())
    // For who must not wait for a fold.
    let damagedCount = Atomic<Int>(0)
    let lastFoldMilliseconds = Atomic<Int>(0)
    let journalPath: String
    private let folder: StateFolder
    private let worker = Mutex(false)

    struct FoldState {
        var failure: String?
        var memory = FoldMemory()
        var nextCleaningMilliseconds = 0
    }

    /// What one segment leaves for the next to be folded.
    struct FoldMemory {
        var terms = UsageTerms()
        /// The segment itself.
        var bytes: [UInt8] = []
    }

    /// Opens the state of a folder, made if need be, and takes up everything an earlier life left behind: also what it
    /// had no time to finish. Throws `conflict` when another process has the folder, or what SQLite says.
    package init(
        folder path: String, settings: LedgerSettings = LedgerSettings(), now: @escaping @Sendable () -> Int
    ) throws(GatewayError) {
        folder = try StateFolder(path)
        let journalPath = folder.journalPath
        self.journalPath = journalPath
        self.settings = settings
        self.now = now
        do {
            let database = try StateStore.open(folder.databasePath)
            self.database = database
            let newest = try StateStore.foldAll(in: journalPath, database, settings)
            damagedCount.store(JournalSegment.damagedCount(in: journalPath), ordering: .relaxed)
            let boot = try database.write { database in
                let boot = try AccountTable.fact("boot", database) + 1
                guard (1..<StateStore.bootsMax).contains(boot) else {
                    throw GatewayError(
                        .unreadableFile, "the state's count of starts is \(boot - 1), which is none",
                        hint: "restore state.db from a copy")
                }
                try AccountTable.setFact("boot", boot, database)
                return boot
            }
            var journal = Journal(folder: journalPath, settings: settings, firstSequence: newest + 1)
            journal.recover()
            let load: @Sendable (BudgetAccountKey) -> BudgetAccount? = { key in
                try? database.read { try AccountTable.account(key, $0) }
            }
            // Ids never repeat over restarts: the upper bits count them.
            var book = LedgerBook(
                settings: settings, journal: journal, firstID: UInt64(boot) << 40 | 1, foldedThrough: newest)
            try database.read { try StateStore.fill(&book, $0, now: now()) }
            ledger = Ledger(book, load: load, now: now)
            keys = try KeyList(database, now: now)
            tools = try ToolBook(database)
            connections = try ConnectionBook(database)
            objects = try ProviderObjectBook(database)
        } catch let error as GatewayError {
            throw error
        } catch {
            throw GatewayError(
                .unreadableFile, "cannot open the state in \"\(path)\"",
                hint: "check space and permissions of the folder; state.db must be one of ours", cause: "\(error)")
        }
    }

    /// Ids of calls have it above their lower 40 bits.
    private static let bootsMax = 1 << 23

    private static func open(_ path: String) throws -> DatabasePool {
        var configuration = Configuration()
        configuration.maximumReaderCount = 4
        configuration.busyMode = .timeout(5)
        configuration.prepareDatabase { database in
            // A segment is deleted once its transaction is on the disk, and not before.
            try database.execute(sql: "PRAGMA synchronous = FULL")
        }
        let database = try DatabasePool(path: path, configuration: configuration)
        try StateSchema.migrate(database)
        return database
    }

    private static func fill(_ book: inout LedgerBook, _ database: Database, now: Int) throws {
        try AccountTable.forEach(database) { key, account in
            guard !account.isBlank(nowMilliseconds: now) else { return true }
            guard book.accounts.count < book.accounts.slotsMax else {
                book.accounts.hasMoreInStore = true
                return false
            }
            let slot = book.accounts.slot(key, foldedThrough: 0, nowMilliseconds: now) { _ in nil }
            if let slot { book.accounts.slots[slot].account = account }
            return true
        }
        for opened in try AccountTable.reservations(database) {
            book.adopt(opened) { try? AccountTable.account($0, database) }
        }
    }

    /// Whether a process has the folder open now; a gateway has it from its first moment on.
    package static func isHeld(folder: String) -> Bool { StateFolder.isHeld(folder) }

    /// The store's file in its folder.
    package static var databaseName: String { StateFolder.databaseName }
    package var nowMilliseconds: Int { now() }

    // MARK: Life

    /// Starts the thread that syncs, folds and cleans up.
    package func start() throws(GatewayError) {
        worker.withLock { $0 = true }
        try StateThread.start { [weak self] in
            var untilFold = 0
            while let store = self, store.isRunning {
                store.sync()
                store.objects.flush()
                untilFold -= store.settings.syncMilliseconds
                if untilFold <= 0 {
                    store.fold()
                    untilFold = store.settings.foldMilliseconds
                }
                usleep(UInt32(store.settings.syncMilliseconds * 1_000))
            }
        }
    }

    private var isRunning: Bool { worker.withLock { $0 } }

    /// Folds what is left and lets go of the folder.
    package func close() {
        worker.withLock { $0 = false }
        fold()
        objects.flush()
        ledger.book.withLock { $0.journal.shut() }
        folding.withLock { _ in try? database.close() }
        folder.release()
    }
}
