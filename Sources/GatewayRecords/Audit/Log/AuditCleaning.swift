import GatewayModel
import Glibc

/// Removes whole segments at the old end of a log. Hashes stay, so that what is left still proves where it stood.
struct AuditCleaning {
    let folder: AuditFolder
    /// The segment that is written to, which stays.
    let current: Int

    /// What went.
    struct Removed {
        var records: Range<Int>
        var segments: Int

        func event(_ time: Int) -> AuditEvent {
            var event = AuditEvent(.deleted, timeMilliseconds: time)
            event.operation = "audit.retention"
            event.resource = "audit log"
            event.message = "records were older, or more, than the policy keeps"
            event.details = [
                AuditFact("first", records.lowerBound), AuditFact("end", records.upperBound),
                AuditFact("segments", segments),
            ]
            return event
        }
    }

    func run(_ retention: AuditRetention, heldBy sinks: [String], nowMilliseconds: Int) -> Removed? {
        let sequences = AuditSegment.sequences(in: folder.segments)
        let heads = sequences.compactMap { head($0) }
        let oldest = nowMilliseconds - retention.days * 86_400_000
        var total = sequences.reduce(0) { $0 + AuditFiles.size(AuditSegment.path($1, in: folder.segments)) }
        let most = retention.bytesMax.map { Int(clamping: $0.bytes) } ?? .max
        // What a sink has not got stays for it.
        let shipped = sinks.map { AuditCursor.load($0, in: folder).next }.min() ?? .max
        var removed: Removed?
        for (head, next) in zip(heads, heads.dropFirst()) where head.sequence < current {
            // A segment is as young as its last record, which came before the next one began.
            guard next.createdMilliseconds < oldest || total > most, next.tree.count <= shipped else { break }
            let path = AuditSegment.path(head.sequence, in: folder.segments)
            total -= AuditFiles.size(path)
            unsafe unlink(path)
            let first = removed?.records.lowerBound ?? head.tree.count
            removed = Removed(records: first..<next.tree.count, segments: (removed?.segments ?? 0) + 1)
        }
        return removed
    }

    private func head(_ sequence: Int) -> AuditSegment.Head? {
        AuditReader.head(AuditSegment.path(sequence, in: folder.segments), sequence: sequence)
    }
}
