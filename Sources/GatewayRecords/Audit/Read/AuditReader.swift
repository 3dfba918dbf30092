import GatewayModel
import Glibc

/// Reads a log from its files, with or without a gateway that writes it.
package struct AuditReader: Sendable {
    package let folder: AuditFolder

    package init(_ folder: AuditFolder) { self.folder = folder }

    /// One file of the log.
    package struct Segment: Sendable {
        package var sequence: Int
        /// The number of its first record.
        package var first: Int
        package var createdMilliseconds: Int
    }

    /// Segments whose head cannot be read.
    var unreadable: [Int] {
        AuditSegment.sequences(in: folder.segments).filter {
            AuditReader.head(AuditSegment.path($0, in: folder.segments), sequence: $0) == nil
        }
    }

    /// All segments, the oldest first. One whose head cannot be read is left out.
    package var segments: [Segment] {
        AuditSegment.sequences(in: folder.segments).compactMap { sequence in
            AuditReader.head(AuditSegment.path(sequence, in: folder.segments), sequence: sequence).map {
                Segment(sequence: sequence, first: $0.tree.count, createdMilliseconds: $0.createdMilliseconds)
            }
        }
    }

    /// The number of the first record that retention has left; nil when the oldest segment cannot be read.
    var oldestRecord: Int? {
        AuditSegment.sequences(in: folder.segments).first.flatMap { sequence in
            AuditReader.head(AuditSegment.path(sequence, in: folder.segments), sequence: sequence)?.tree.count
        }
    }

    static func head(_ path: String, sequence: Int) -> AuditSegment.Head? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        return AuditFiles.read(descriptor, count: 128 * 1024).flatMap {
            AuditSegment.decode($0, sequence: sequence)?.head
        }
    }

    /// The whole records of a segment: its bytes, and where each leaf lies in them.
    func leaves(of segment: Segment) -> (bytes: [UInt8], ranges: [Range<Int>], end: AuditSegment.End)? {
        guard let bytes = AuditFiles.read(AuditSegment.path(segment.sequence, in: folder.segments)),
            let (_, start) = AuditSegment.decode(bytes, sequence: segment.sequence)
        else { return nil }
        var ranges: [Range<Int>] = []
        let end = AuditSegment.scan(bytes, from: start, sequence: segment.sequence) { range in
            ranges.append(range)
            return true
        }
        return (bytes, ranges, end)
    }

    /// Hands out records from number `first` on, the oldest first, until `visit` says false.
    package func visit(from first: Int = 0, _ visit: (AuditEntry) throws -> Bool) rethrows {
        let segments = segments
        for (position, segment) in segments.enumerated() {
            if position + 1 < segments.count, segments[position + 1].first <= first { continue }
            guard let (bytes, ranges, _) = leaves(of: segment) else { continue }
            for (offset, range) in ranges.enumerated() where segment.first + offset >= first {
                guard try visit(AuditEntry(index: segment.first + offset, leaf: bytes[range])) else { return }
            }
        }
    }

    /// The newest records that fit, the newest first.
    package func search(_ filter: AuditFilter, limit: Int, before: Int = .max) -> [AuditEntry] {
        var found: [AuditEntry] = []
        for segment in segments.reversed() where segment.first < before && found.count < limit {
            guard let (bytes, ranges, _) = leaves(of: segment) else { continue }
            for (offset, range) in ranges.enumerated().reversed() where segment.first + offset < before {
                let entry = AuditEntry(index: segment.first + offset, leaf: bytes[range])
                guard filter.isEmpty || filter.matches(entry) else { continue }
                found.append(entry)
                if found.count == limit { break }
            }
            // What is older than a segment's beginning is older than everything before it.
            if let since = filter.sinceMilliseconds, segment.createdMilliseconds < since { break }
        }
        return found
    }

    /// Where records since then begin: no record before this number is as new.
    package func start(sinceMilliseconds: Int) -> Int {
        let segments = segments
        return (segments.last { $0.createdMilliseconds <= sinceMilliseconds } ?? segments.first)?.first ?? 0
    }

    /// Record number `index`; nil when it is not there, or not any more.
    package func entry(_ index: Int) -> AuditEntry? {
        var found: AuditEntry?
        self.visit(from: index) { entry in
            if entry.index == index { found = entry }
            return false
        }
        return found
    }
}
