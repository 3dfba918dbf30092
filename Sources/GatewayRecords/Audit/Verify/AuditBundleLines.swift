/// A bundle on its way out: one segment of the log is in memory, and only as fast as somebody takes it.
package struct AuditBundleLines: Sendable {
    private enum Stage {
        case header, records, done
    }

    /// A piece holds at least so much, if there is so much.
    private static let pieceBytes = 256 * 1024

    private let bundle: AuditBundle
    private let filter: AuditFilter?
    private var stage = Stage.header
    private var segments: ArraySlice<AuditReader.Segment> = []
    /// What is left of the segment at hand.
    private var entries: ArraySlice<Range<Int>> = []
    private var bytes: [UInt8] = []
    private var next = 0
    private var tiles: AuditTiles
    private var count = 0

    init(_ bundle: AuditBundle, _ filter: AuditFilter?) {
        self.bundle = bundle
        self.filter = filter
        tiles = AuditTiles(bundle.folder, size: bundle.checkpoint.size)
    }

    /// The next lines, each with its line feed; nil behind the last.
    package mutating func take() throws -> [UInt8]? {
        switch stage {
        case .done: return nil
        case .header:
            segments = AuditReader(bundle.folder).segments[...]
            let head = segments.first.flatMap { segment in
                AuditReader.head(
                    AuditSegment.path(segment.sequence, in: bundle.folder.segments), sequence: segment.sequence)
            }
            stage = .records
            return try bundle.header(head?.tree ?? AuditTree(), isSelection: filter != nil) + [0x0A]
        case .records:
            var piece: [UInt8] = []
            while piece.count < AuditBundleLines.pieceBytes {
                guard let entry = nextEntry(), entry.index < bundle.checkpoint.size else {
                    stage = .done
                    return piece + Array("{\"end\":\(count)}\n".utf8)
                }
                guard filter?.matches(entry) ?? true else { continue }
                piece += try bundle.line(entry, &tiles, isSelection: filter != nil)
                piece.append(0x0A)
                count += 1
            }
            return piece
        }
    }

    private mutating func nextEntry() -> AuditEntry? {
        while entries.isEmpty {
            guard let segment = segments.popFirst() else { return nil }
            guard let (bytes, ranges, _) = AuditReader(bundle.folder).leaves(of: segment) else { continue }
            (self.bytes, entries, next) = (bytes, ranges[...], segment.first)
        }
        defer { next += 1 }
        return entries.popFirst().map { AuditEntry(index: next, leaf: bytes[$0]) }
    }
}
