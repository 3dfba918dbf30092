import GatewayModel
import GatewayWire

/// Goes through records in order, and says of everything that was changed since they were written where it was.
///
/// Four witnesses are asked, each independent of the ones before: a record's own fingerprint, the fingerprint that the
/// next record holds of it, the hash that a tile holds of it, and every checkpoint that was ever signed.
package struct AuditVerifier {
    private let verifier: NoteVerifier
    /// By size; of equal sizes one, and a fault.
    private var checkpoints: [Checkpoint] = []
    private var tree: AuditTree
    private var report = AuditReport()
    private var previous: PreviousRecord?
    private var position: Int
    /// The largest checkpoint that was reached and held.
    private var proven = 0
    private var isBroken = false

    /// `notes` are checkpoints, the newest included; `tree` is where the first record stands.
    package init(_ verifier: NoteVerifier, notes: [String], from tree: AuditTree = AuditTree()) {
        self.verifier = verifier
        self.tree = tree
        position = tree.count
        report.origin = verifier.name
        report.key = verifier.text
        report.first = tree.count
        for (number, note) in notes.enumerated() {
            guard let checkpoint = Checkpoint(note: note, by: verifier) else {
                report.add(AuditFault(.forged, 0..<0, "checkpoint \(number + 1) is not signed by \(verifier.name)"))
                continue
            }
            checkpoints.append(checkpoint)
        }
        checkpoints.sort { $0.size < $1.size }
        var distinct: [Checkpoint] = []
        for checkpoint in checkpoints {
            if let last = distinct.last, last.size == checkpoint.size {
                guard last.root != checkpoint.root else { continue }
                report.add(
                    AuditFault(
                        .forked, 0..<checkpoint.size,
                        "two checkpoints over \(checkpoint.size) records are signed, and they differ"))
                continue
            }
            distinct.append(checkpoint)
        }
        checkpoints = distinct.filter { $0.size >= tree.count }
        report.signed = checkpoints.last?.size ?? 0
        check()
    }

    /// The next record. `leaf` is what a tile says its hash is; nil where no tile is at hand.
    package mutating func add(_ entry: AuditEntry, leaf: TreeHash? = nil) {
        let expected = position
        let hash = entry.leafHash
        var isEdited = false
        if let leaf, leaf != hash {
            fault(.edited, expected, "its hash is not the one that the tree holds")
            isEdited = true
        }
        if let record = read(entry, expected, isEdited: &isEdited) { follow(record, expected, isEdited) }
        report.records += 1
        tree.append(hash)
        position += 1
        check()
    }

    /// A record that is known to be there and could not be read.
    package mutating func addUnreadable(_ why: String) {
        fault(.unreadable, position, why)
        isBroken = true
        previous = nil
        position += 1
    }

    /// A record that was read, and that a bundle calls by another number.
    mutating func addMisnumbered(_ index: Int, _ sequence: Int) {
        fault(.reordered, sequence, "the bundle says that it is number \(index)")
    }

    package mutating func finish() -> AuditReport {
        for checkpoint in checkpoints where checkpoint.size > position {
            let missing = position..<checkpoint.size
            report.add(
                AuditFault(
                    .truncated, missing,
                    "the log ends before record \(position), and a checkpoint is signed over \(checkpoint.size)"))
            break
        }
        return report
    }

    // MARK: One record

    private struct Read {
        var sequence: Int
        var own: PreviousRecord
        var claimed: (uid: String, fingerprint: String)?
    }

    private mutating func read(_ entry: AuditEntry, _ expected: Int, isEdited: inout Bool) -> Read? {
        guard let tree = entry.tree, let sequence = tree["metadata"]?["sequence"]?.int,
            (0...AuditTree.countMax).contains(sequence), let stated = entry.asPrevious
        else {
            if !isEdited { fault(.edited, expected, "it is no record any more") }
            isBroken = true
            previous = nil
            return nil
        }
        if !isEdited, !entry.isWhole {
            fault(.edited, expected, "its fingerprint is not the one that it states")
            isEdited = true
        }
        let before = tree["attestation_list"]?.array?.first?["prev_event"]
        let claimed = before.map { before in
            (
                uid: before["uid"]?.string?.value ?? "",
                fingerprint: before["fingerprint"]?["value"]?.string?.value ?? ""
            )
        }
        return Read(sequence: sequence, own: stated, claimed: claimed)
    }

    private mutating func follow(_ record: Read, _ expected: Int, _ isEdited: Bool) {
        if record.sequence > expected {
            report.add(
                AuditFault(
                    .missing, expected..<record.sequence,
                    "record \(record.sequence) follows record \(expected - 1)"))
            isBroken = true
            position = record.sequence
        } else if record.sequence < expected {
            fault(.reordered, expected, "record \(record.sequence) stands in its place")
            isBroken = true
            position = expected - 1
            previous = nil
            return
        } else if let previous, !isEdited {
            if record.claimed?.fingerprint != previous.fingerprint.hex || record.claimed?.uid != previous.uid.text {
                fault(.chainBroken, expected, "the record before it is not the one that it followed")
            }
        }
        previous = record.own
    }

    private mutating func fault(_ kind: AuditFault.Kind, _ index: Int, _ message: String) {
        report.add(AuditFault(kind, at: index, "record \(index): \(message)"))
        if kind != .chainBroken { isBroken = true }
    }

    // MARK: Checkpoints

    /// Compares with the checkpoint over as many records as have been read, if there is one.
    private mutating func check() {
        guard let checkpoint = checkpoints.first(where: { $0.size == position }), report.records > 0 || position == 0
        else { return }
        guard tree.count == position else { return }
        if tree.root == checkpoint.root {
            report.checkpoints += 1
            proven = position
        } else if !isBroken {
            report.add(
                AuditFault(
                    .rewritten, proven..<position,
                    "records from \(proven) on are not those that a checkpoint over \(position) is signed for"))
            isBroken = true
        }
    }
}
