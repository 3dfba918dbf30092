package import GatewayModel

/// Verifies a log where it lies.
package enum AuditLogVerification {
    /// Against the folder's own public key, or the one the auditor brought; `notes` are checkpoints that the auditor
    /// kept. Throws when there is no log.
    package static func run(
        _ folder: AuditFolder, key: NoteVerifier? = nil, notes: [String] = []
    ) throws(GatewayError) -> AuditReport {
        guard let verifier = key ?? folder.verifier else {
            throw GatewayError(
                .notFound, "no audit log in \(folder.path)", hint: "name the state folder with --state")
        }
        let reader = AuditReader(folder)
        let newest = folder.note()
        let segments = reader.segments
        let head = segments.first.flatMap { segment in
            AuditReader.head(
                AuditSegment.path(segment.sequence, in: folder.segments), sequence: segment.sequence)
        }
        var verification = AuditVerifier(
            verifier, notes: folder.notes() + [newest].compactMap(\.self) + notes, from: head?.tree ?? AuditTree())
        let size = newest.flatMap { Checkpoint(note: $0, by: verifier)?.size } ?? 0
        var tiles = AuditTiles(folder, size: size)
        for segment in segments { read(segment, reader, &tiles, &verification) }
        // Also the oldest: what is left out would look as if it had been kept long enough.
        for sequence in reader.unreadable {
            verification.addUnreadable(
                "segment \(sequence) cannot be read: its head is damaged, or a crash came while it was begun")
        }
        var report = verification.finish()
        if let newest = newest.flatMap({ Checkpoint(note: $0, by: verifier) }) {
            // What retention has removed, the tree still knows.
            for note in notes {
                guard let kept = Checkpoint(note: note, by: verifier), kept.size < report.first else { continue }
                var proof: TreeProof?
                if kept.size <= newest.size {
                    proof = try? TreeProof.consistency(from: kept.size, to: newest.size) { tiles.hash($0, $1) }
                }
                if let fault = KeptCheckpoint.fault(kept, against: newest, proof: proof?.hashes) {
                    report.add(fault)
                } else {
                    report.checkpoints += 1
                }
            }
        }
        for path in folder.brokenLogs {
            report.add(
                AuditFault(.setAside, 0..<0, "an earlier log was set aside as \(path): see what is wrong with it"))
        }
        return report
    }

    /// Goes on behind a record whose checksum does not hold, as long as its length still leads to the next one.
    private static func read(
        _ segment: AuditReader.Segment, _ reader: AuditReader, _ tiles: inout AuditTiles,
        _ verification: inout AuditVerifier
    ) {
        let path = AuditSegment.path(segment.sequence, in: reader.folder.segments)
        guard let bytes = AuditFiles.read(path),
            let (_, start) = AuditSegment.decode(bytes, sequence: segment.sequence)
        else { return verification.addUnreadable("segment \(segment.sequence) cannot be read") }
        var index = segment.first
        var offset = start
        while offset < bytes.count {
            let end = AuditSegment.scan(bytes, from: offset, sequence: segment.sequence) { range in
                verification.add(AuditEntry(index: index, leaf: bytes[range]), leaf: tiles.leaf(index))
                index += 1
                return true
            }
            // A last record that is all there and fails its checksum was changed, not torn.
            let at = end.offset
            if end == .whole(at) || end == .torn(at) && AuditSegment.frame(bytes, at: at)?.upperBound != bytes.count {
                return
            }
            guard let range = AuditSegment.frame(bytes, at: at) else {
                return verification.addUnreadable("segment \(segment.sequence) cannot be read from byte \(at) on")
            }
            verification.add(AuditEntry(index: index, leaf: bytes[range]), leaf: tiles.leaf(index))
            index += 1
            offset = range.upperBound
        }
    }
}

extension AuditSegment {
    /// The leaf of the frame at `offset`, whatever its checksum says; nil when its length cannot be one.
    fileprivate static func frame(_ bytes: [UInt8], at offset: Int) -> Range<Int>? {
        guard bytes.count - offset > frameBytes else { return nil }
        var length = 0
        for index in 0..<4 { length |= Int(bytes[offset + index]) << (index * 8) }
        let start = offset + frameBytes
        guard length > saltBytes, length <= 65_535, length <= bytes.count - start else { return nil }
        return start..<(start + length)
    }
}
