/// How the ledger of budgets stands, for a scrape: counts since the start, and levels.
package struct LedgerSample: Sendable, Equatable {
    package var admitted = 0
    package var refused = 0
    package var grown = 0
    package var cut = 0
    package var settled = 0
    package var released = 0
    package var abandoned = 0
    package var expired = 0
    package var overruns = 0
    package var unavailable = 0
    package var unrecorded = 0
    package var journalFailures = 0
    package var damagedSegments = 0
    package var accounts = 0
    package var accountsInDebt = 0
    package var underWay = 0
    package var orphans = 0
    /// Spent beyond limits, over all accounts in memory.
    package var debtPicodollars: UInt64 = 0
    package var debtTokens = 0
    /// Recorded, and not in the store yet.
    package var journalBytes = 0
    package var journalSegments = 0
    /// Since everything recorded was last in the store.
    package var foldAgeSeconds = 0
    package var isWritable = true

    package init() {}
}

extension MetricCatalog {
    static let ledgerReservations = MetricDescription(
        "sluice_ledger_reservations_total", .counter,
        "Calls that asked for budget: admitted, refused, or unavailable since they could not be recorded.",
        labels: ["result"])
    static let ledgerGrowths = MetricDescription(
        "sluice_ledger_growths_total", .counter,
        "Reservations that were to grow under way: grown, or cut off for want of room.", labels: ["result"])
    static let ledgerSettlements = MetricDescription(
        "sluice_ledger_settlements_total", .counter,
        "Reservations that ended: settled, released, expired with their gateway, or abandoned by a fault of ours.",
        labels: ["result"])
    static let ledgerOverruns = MetricDescription(
        "sluice_ledger_overruns_total", .counter, "Calls that took more than was reserved for them.")
    static let ledgerUnrecorded = MetricDescription(
        "sluice_ledger_unrecorded_total", .counter, "Calls that are not in the journal since it could not be written.")
    static let ledgerFailures = MetricDescription(
        "sluice_ledger_journal_failures_total", .counter, "Times that the journal could not be written.")
    static let ledgerDamaged = MetricDescription(
        "sluice_ledger_damaged_segments_total", .counter, "Parts of the journal that could not be read to their end.")
    static let ledgerAccounts = MetricDescription(
        "sluice_ledger_accounts", .gauge, "Budget accounts in memory.")
    static let ledgerInDebt = MetricDescription(
        "sluice_ledger_accounts_in_debt", .gauge, "Budget accounts that owe more than a window gives.")
    static let ledgerUnderWay = MetricDescription(
        "sluice_ledger_reservations_active", .gauge, "Reservations that have not ended.")
    static let ledgerOrphans = MetricDescription(
        "sluice_ledger_reservations_orphaned", .gauge, "Of these, those of a gateway that died.")
    static let ledgerDebtMoney = MetricDescription(
        "sluice_ledger_debt_usd", .gauge, "Spent beyond limits of money, in US dollars.")
    static let ledgerDebtTokens = MetricDescription(
        "sluice_ledger_debt_tokens", .gauge, "Spent beyond limits of tokens.")
    static let ledgerJournalBytes = MetricDescription(
        "sluice_ledger_journal_bytes", .gauge, "What is recorded and not in the store yet.")
    static let ledgerJournalSegments = MetricDescription(
        "sluice_ledger_journal_segments", .gauge, "Files of the journal that are not in the store yet.")
    static let ledgerFoldAge = MetricDescription(
        "sluice_ledger_fold_age_seconds", .gauge, "Since everything recorded was last in the store.")
    static let ledgerWritable = MetricDescription(
        "sluice_ledger_writable", .gauge, "1 while calls can be recorded.")

    /// The metrics of the ledger, in the order of a scrape.
    static let ledger = [
        ledgerReservations, ledgerGrowths, ledgerSettlements, ledgerOverruns, ledgerUnrecorded, ledgerFailures,
        ledgerDamaged, ledgerAccounts, ledgerInDebt, ledgerUnderWay, ledgerOrphans, ledgerDebtMoney, ledgerDebtTokens,
        ledgerJournalBytes, ledgerJournalSegments, ledgerFoldAge, ledgerWritable,
    ]
}

extension MetricSample {
    /// The families of the ledger; without points where there is none.
    func ledgerFamilies() -> [MetricFamily] {
        guard let ledger else { return MetricCatalog.ledger.map { MetricFamily(description: $0, points: []) } }
        func count(_ value: Int) -> MetricFamily.Number { .count(UInt64(max(0, value))) }
        func one(_ description: MetricDescription, _ number: MetricFamily.Number) -> MetricFamily {
            MetricFamily(description: description, points: [.init(labels: [], number: number)])
        }
        func results(_ description: MetricDescription, _ counts: [(String, Int)]) -> MetricFamily {
            MetricFamily(
                description: description, points: counts.map { .init(labels: [$0.0], number: count($0.1)) })
        }
        return [
            results(
                MetricCatalog.ledgerReservations,
                [("admitted", ledger.admitted), ("refused", ledger.refused), ("unavailable", ledger.unavailable)]),
            results(MetricCatalog.ledgerGrowths, [("grown", ledger.grown), ("cut", ledger.cut)]),
            results(
                MetricCatalog.ledgerSettlements,
                [
                    ("settled", ledger.settled), ("released", ledger.released), ("expired", ledger.expired),
                    ("abandoned", ledger.abandoned),
                ]),
            one(MetricCatalog.ledgerOverruns, count(ledger.overruns)),
            one(MetricCatalog.ledgerUnrecorded, count(ledger.unrecorded)),
            one(MetricCatalog.ledgerFailures, count(ledger.journalFailures)),
            one(MetricCatalog.ledgerDamaged, count(ledger.damagedSegments)),
            one(MetricCatalog.ledgerAccounts, .level(ledger.accounts)),
            one(MetricCatalog.ledgerInDebt, .level(ledger.accountsInDebt)),
            one(MetricCatalog.ledgerUnderWay, .level(ledger.underWay)),
            one(MetricCatalog.ledgerOrphans, .level(ledger.orphans)),
            one(MetricCatalog.ledgerDebtMoney, .money(picodollars: ledger.debtPicodollars)),
            one(MetricCatalog.ledgerDebtTokens, .level(ledger.debtTokens)),
            one(MetricCatalog.ledgerJournalBytes, .level(ledger.journalBytes)),
            one(MetricCatalog.ledgerJournalSegments, .level(ledger.journalSegments)),
            one(MetricCatalog.ledgerFoldAge, .level(ledger.foldAgeSeconds)),
            one(MetricCatalog.ledgerWritable, .level(ledger.isWritable ? 1 : 0)),
        ]
    }
}
