import GatewayModel
import GatewayRecords
import GatewayState

extension LedgerSample {
    /// As the store's ledger stands now.
    init(_ store: StateStore) {
        self.init()
        let statistics = store.ledger.statistics
        admitted = statistics.admitted
        refused = statistics.refused
        grown = statistics.grown
        cut = statistics.cut
        settled = statistics.settled
        released = statistics.released
        abandoned = statistics.abandoned
        expired = statistics.expired
        overruns = statistics.overruns
        unavailable = statistics.unavailable
        unrecorded = statistics.unrecorded
        journalFailures = statistics.journalFailures
        damagedSegments = store.damagedSegments
        accounts = statistics.accounts
        underWay = statistics.open
        orphans = statistics.orphans
        journalBytes = statistics.journalBytes
        journalSegments = statistics.journalSegments
        foldAgeSeconds = store.foldAgeMilliseconds / 1_000
        isWritable = store.ledger.failure == nil
        let debts = store.ledger.debts(nowMilliseconds: store.nowMilliseconds)
        accountsInDebt = debts.accounts
        debtPicodollars = UInt64(clamping: debts.money.picodollars)
        debtTokens = Int(clamping: debts.tokens)
    }
}
