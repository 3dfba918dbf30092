package import GatewayModel
import GatewayWire

/// Verifies a bundle without a gateway, its folder or its secrets: line by line, in bounded memory.
package struct AuditBundleVerification {
    /// A line is a record with its proof; a header has every checkpoint ever remembered.
    package static let lineBytesMax = 64 << 20

    private let key: NoteVerifier?
    private let notes: [String]
    private var header: Header?
    private var whole: AuditVerifier?
    private var report = AuditReport()
    private var count = 0
    private var lineNumber = 0
    private var end: Int?
    private var last = -1
    private var first = 0

    private struct Header {
        var isSelection: Bool
        var checkpoint: Checkpoint
    }

    /// `key` is the public key the auditor trusts; without one, the bundle's own word is taken for it. `notes` are
    /// checkpoints that the auditor kept from before.
    package init(key: NoteVerifier? = nil, notes: [String] = []) {
        self.key = key
        self.notes = notes
    }

    /// The next line, without its line feed. Throws for what is no bundle at all.
    package mutating func add(_ line: [UInt8]) throws(GatewayError) {
        lineNumber += 1
        guard !line.isEmpty else { return }
        let tree: JSONTree
        do throws(JSONTreeError) { tree = try JSONTree.parse(line) } catch {
            guard header != nil else { throw AuditBundleVerification.noBundle }
            return unreadable("line \(lineNumber) is no JSON")
        }
        guard header != nil else { return try begin(tree) }
        if let end = tree["end"]?.int {
            self.end = end
        } else {
            add(tree)
        }
    }

    package mutating func finish() throws(GatewayError) -> AuditReport {
        guard let header else { throw AuditBundleVerification.noBundle }
        var report = report
        if var result = whole?.finish() {
            for fault in report.faults { result.add(fault) }
            result.checkpoints += report.checkpoints
            report = result
        } else {
            report.records = count
        }
        if end == nil {
            report.add(AuditFault(.truncated, 0..<0, "the bundle ends without its last line"))
        } else if let end, end != count {
            report.add(AuditFault(.missing, 0..<0, "the bundle had \(end) records when it was made, and has \(count)"))
        }
        if whole != nil, first + report.records > header.checkpoint.size {
            report.add(
                AuditFault(
                    .forged, header.checkpoint.size..<(first + report.records),
                    "records stand behind the \(header.checkpoint.size) that the bundle's checkpoint is signed for"))
        }
        // Its own, which every record was held against.
        if header.isSelection, report.faults.isEmpty { report.checkpoints += 1 }
        return report
    }

    // MARK: Lines

    private mutating func begin(_ tree: JSONTree) throws(GatewayError) {
        let format = tree["format"]?.string?.value
        guard format != AuditBundle.earlierFormat else { throw AuditBundleVerification.earlier }
        guard format == AuditBundle.format, let keyText = tree["key"]?.string?.value,
            let note = tree["checkpoint"]?.string?.value, let mode = tree["mode"]?.string?.value,
            let stated = NoteVerifier(keyText)
        else { throw AuditBundleVerification.noBundle }
        let verifier = key ?? stated
        let earlier = (tree["checkpoints"]?.array ?? []).compactMap { $0.string?.value }
        report.origin = verifier.name
        report.key = verifier.text
        guard let checkpoint = Checkpoint(note: note, by: verifier) else {
            report.add(AuditFault(.forged, 0..<0, "the bundle's checkpoint is not signed by \(verifier.name)"))
            header = Header(
                isSelection: mode == "selection", checkpoint: Checkpoint(origin: "", size: 0, root: .empty))
            return
        }
        header = Header(isSelection: mode == "selection", checkpoint: checkpoint)
        report.signed = checkpoint.size
        let proofs = tree["consistency"]?.array ?? []
        guard mode != "selection" else { return compare(checkpoint, verifier, proofs, before: .max) }
        let edge = (tree["edge"]?.array ?? []).map { level in
            (level.array ?? []).compactMap { $0.string.flatMap { TreeHash(base64: $0.value) } }
        }
        first = tree["first"]?.int ?? 0
        guard first <= checkpoint.size, let start = AuditTree(count: first, edge: edge) else {
            return report.add(AuditFault(.unreadable, 0..<0, "the bundle does not say where it begins"))
        }
        compare(checkpoint, verifier, proofs, before: first)
        whole = AuditVerifier(verifier, notes: earlier + [note] + notes, from: start)
    }

    /// With what the auditor kept of before `first`, or at all where there is a selection.
    private mutating func compare(
        _ checkpoint: Checkpoint, _ verifier: NoteVerifier, _ proofs: [JSONTree], before first: Int
    ) {
        for (number, note) in notes.enumerated() {
            guard let kept = Checkpoint(note: note, by: verifier) else {
                // Of a whole bundle they are all looked at once more.
                guard header?.isSelection == true else { continue }
                report.add(
                    AuditFault(.forged, 0..<0, "checkpoint \(number + 1) is not signed by \(verifier.name)"))
                continue
            }
            guard kept.size < first else { continue }
            let hashes = proofs.first { $0["size"]?.int == kept.size }?["proof"]?.array?.compactMap {
                $0.string.flatMap { TreeHash(base64: $0.value) }
            }
            if let fault = KeptCheckpoint.fault(kept, against: checkpoint, proof: hashes) {
                report.add(fault)
            } else {
                report.checkpoints += 1
            }
        }
    }

    private mutating func add(_ tree: JSONTree) {
        guard let names = tree.object?.members.map(\.name.value),
            AuditBundleVerification.known.isSuperset(of: names), let index = tree["index"]?.int,
            (0...AuditTree.countMax).contains(index),
            let record = tree["record"],
            let salt = tree["salt"]?.string.flatMap({ Base64Text.decode($0.value) }),
            salt.count == AuditSegment.saltBytes
        else { return unreadable("line \(lineNumber) is no record") }
        // A witness that cannot be read is not the same as none.
        let leaf = tree["leaf"]?.string.flatMap { TreeHash(base64: $0.value) }
        guard leaf != nil || tree["leaf"] == nil else { return unreadable("line \(lineNumber) has no hash as leaf") }
        count += 1
        // As it stands in the line, so that a space too many is found as well.
        let entry = AuditEntry(index: index, salt: salt, text: record.bytes)
        guard header?.isSelection == true else {
            whole?.add(entry, leaf: leaf)
            let sequence = entry.tree?["metadata"]?["sequence"]?.int
            // What no number can be is told as an edited record already.
            if let sequence, (0...AuditTree.countMax).contains(sequence), sequence != index {
                whole?.addMisnumbered(index, sequence)
            }
            return
        }
        addSelected(entry, tree)
    }

    private mutating func addSelected(_ entry: AuditEntry, _ tree: JSONTree) {
        guard let checkpoint = header?.checkpoint else { return }
        let proof = TreeProof(
            hashes: (tree["proof"]?.array ?? []).compactMap { $0.string.flatMap { TreeHash(base64: $0.value) } })
        let index = entry.index
        if index <= last {
            report.add(AuditFault(.reordered, at: index, "record \(index) stands behind record \(last)"))
        }
        last = max(last, index)
        guard entry.isWhole, proof.proves(entry.leafHash, at: index, in: checkpoint.root, size: checkpoint.size) else {
            report.add(
                AuditFault(.edited, at: index, "record \(index): it is not the one that the checkpoint is signed for"))
            return
        }
        guard entry.tree?["metadata"]?["sequence"]?.int == index else {
            report.add(AuditFault(.reordered, at: index, "record \(index): it was given another number"))
            return
        }
    }

    private mutating func unreadable(_ why: String) {
        if whole != nil {
            whole?.addUnreadable(why)
            count += 1
        } else {
            report.add(AuditFault(.unreadable, 0..<0, why))
        }
    }

    /// What a line of a record may say; a misspelt witness would be none.
    private static let known: Set<String> = ["index", "leaf", "proof", "record", "salt"]

    private static var earlier: GatewayError {
        GatewayError(
            .usage, "this bundle was made by an earlier version of Sluice, which hashed records in another way",
            hint: "verify it with the version that made it")
    }

    private static var noBundle: GatewayError {
        GatewayError(.usage, "this is no bundle of an audit log", hint: "'sluice audit export' makes one")
    }
}
