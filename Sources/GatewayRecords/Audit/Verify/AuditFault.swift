/// Something a log or a bundle of it says that cannot be so, and where.
package struct AuditFault: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// A record is not the one that was written.
        case edited
        /// Records are not there.
        case missing
        /// A record stands in another's place.
        case reordered
        /// A record does not know the one before it.
        case chainBroken = "chain-broken"
        /// The end is gone: a checkpoint is signed over more.
        case truncated
        /// The log says something else than it once signed.
        case rewritten
        /// Two checkpoints of one length that differ.
        case forked
        /// A checkpoint that was kept is over other records than the bundle's.
        case incomparable
        /// A signature is not the log's, or none is there.
        case forged
        /// Bytes that are no log.
        case unreadable
        /// An earlier log lies beside this one, because it could not be gone on with.
        case setAside = "set-aside"
    }

    package var kind: Kind
    /// Records it is about; empty where it is about none.
    package var records: Range<Int>
    package var message: String

    package init(_ kind: Kind, _ records: Range<Int>, _ message: String) {
        self.kind = kind
        self.records = records
        self.message = message
    }

    package init(_ kind: Kind, at index: Int, _ message: String) {
        self.init(kind, index..<(index + 1), message)
    }
}

/// What a verification came to.
package struct AuditReport: Sendable, Equatable {
    package static let faultsMax = 1_000

    package var origin = ""
    /// The public key that every signature was checked with.
    package var key = ""
    package var records = 0
    package var first = 0
    /// Checkpoints whose signature holds and whose tree is this log's.
    package var checkpoints = 0
    /// Records that the newest checkpoint covers.
    package var signed = 0
    package private(set) var faults: [AuditFault] = []

    package init() {}

    package var isProven: Bool { faults.isEmpty && checkpoints > 0 }

    mutating func add(_ fault: AuditFault) {
        guard faults.count < AuditReport.faultsMax else { return }
        faults.append(fault)
    }
}
