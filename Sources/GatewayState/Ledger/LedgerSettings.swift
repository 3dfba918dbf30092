/// How the ledger behaves at its limits.
package struct LedgerSettings: Sendable, Equatable {
    /// What happens to new calls while nothing can be recorded.
    package enum Failure: String, Sendable, CaseIterable {
        /// They are refused.
        case closed
        /// They are served, counted in memory only, and counted as unrecorded.
        case open
    }

    package var onFailure: Failure = .closed
    /// Accounts in memory; idle ones beyond it are read from the store again when they are asked for.
    package var accountsMax = 100_000
    /// Calls under way at once.
    package var reservationsMax = 100_000
    /// A call whose gateway died stays reserved so long, then it is charged as reserved.
    package var leaseMilliseconds = 15 * 60_000
    /// A segment of the journal.
    package var segmentBytesMax = 8 * 1024 * 1024
    /// All segments that are not in the store yet.
    package var journalBytesMax = 1024 * 1024 * 1024
    /// Records kept while the journal cannot be written.
    package var heldBytesMax = 4 * 1024 * 1024
    /// How often the journal is brought to the disk: what a power failure may cost.
    package var syncMilliseconds = 100
    /// How often the journal is folded into the store.
    package var foldMilliseconds = 1_000
    /// How long usage rows are kept.
    package var usageDays = 90

    package init() {}
}

/// What the ledger has seen go by, and how full it is.
package struct LedgerStatistics: Sendable, Equatable {
    package var admitted = 0
    package var refused = 0
    /// Reservations that were made larger while their call was under way, and those that found no room for it.
    package var grown = 0
    package var cut = 0
    package var settled = 0
    package var released = 0
    /// Reservations that were dropped without a word: charged as reserved, and a fault of the gateway.
    package var abandoned = 0
    /// Reservations of a gateway that died, charged as reserved when their lease ended.
    package var expired = 0
    /// Calls that settled over what was reserved for them.
    package var overruns = 0
    /// Calls refused because nothing could be recorded, or a table was full.
    package var unavailable = 0
    /// Calls that were served though nothing could be recorded.
    package var unrecorded = 0
    package var journalFailures = 0
    package var accounts = 0
    package var evicted = 0
    package var reloaded = 0
    package var open = 0
    package var orphans = 0
    /// What is in the journal and not in the store yet.
    package var journalBytes = 0
    package var journalSegments = 0

    package init() {}
}
