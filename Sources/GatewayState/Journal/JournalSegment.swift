import Foundation
import GatewayModel
import GatewayWire

/// One file of the journal: a head of sixteen bytes, then records. Its name is its number; a later one is newer.
enum JournalSegment {
    static let headBytes = 16
    private static let magic: [UInt8] = Array("sluicej1".utf8)
    private static let ending = ".log"

    static func head(_ sequence: Int) -> [UInt8] {
        magic + (0..<8).map { UInt8(truncatingIfNeeded: UInt64(sequence) >> UInt64($0 * 8)) }
    }

    /// A record that was left over from another segment fails its checksum.
    static func seed(_ sequence: Int) -> UInt64 { UInt64(sequence) &* 0x9E37_79B9_7F4A_7C15 }

    static func path(_ sequence: Int, in folder: String) -> String {
        let digits = String(sequence)
        return "\(folder)/\(String(repeating: "0", count: max(0, 12 - digits.count)))\(digits)\(ending)"
    }

    /// No gateway writes so many segments; a file with a larger number is none.
    private static let sequencesMax = 1 << 48

    static func isSequence(_ number: Int) -> Bool { number > 0 && number < sequencesMax }

    /// The segments in a folder, oldest first. Throws when the folder cannot be read: no segment must be taken for not
    /// being there.
    static func sequences(in folder: String) throws(GatewayError) -> [Int] {
        let names: [String]
        do { names = try FileManager.default.contentsOfDirectory(atPath: folder) } catch {
            throw GatewayError(
                .unreadableFile, "cannot read the folder \"\(folder)\"", hint: "check its permissions",
                cause: "\(error)")
        }
        return names.compactMap { name in
            guard name.hasSuffix(ending), let number = Int(name.dropLast(ending.count)), isSequence(number),
                path(number, in: folder) == "\(folder)/\(name)"
            else { return nil }
            return number
        }.sorted()
    }

    /// How many were set aside in a folder.
    static func damagedCount(in folder: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.count { $0.hasSuffix(ending + damagedEnding) }
    }

    static let damagedEnding = ".damaged"

    /// Reads a segment into `bytes`, whose memory the one before it was in: fresh pages cost more than what is read
    /// into them. False for what no gateway has written: no file, or one that is too large. Throws when it cannot be
    /// read now.
    static func read(_ path: String, bytesMax: Int, into bytes: inout [UInt8]) throws(GatewayError) -> Bool {
        // Whoever reads a pipe would wait for its writer.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        if descriptor < 0, errno == ELOOP { return false }
        guard descriptor >= 0 else { throw unreadable(path) }
        defer { close(descriptor) }
        var facts = stat()
        guard unsafe fstat(descriptor, &facts) == 0 else { throw unreadable(path) }
        guard facts.st_mode & S_IFMT == S_IFREG, facts.st_size <= bytesMax else { return false }
        resize(&bytes, to: Int(facts.st_size))
        var count = 0
        while count < bytes.count {
            let read = unsafe bytes.withUnsafeMutableBytes { [count] in
                unsafe Foundation.read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
            }
            if read < 0, errno == EINTR { continue }
            guard read >= 0 else { throw unreadable(path) }
            guard read > 0 else { break }
            count += read
        }
        // Somebody has cut it meanwhile.
        bytes.removeLast(bytes.count - count)
        return true
    }

    /// Keeps no more memory than some of the last segment's.
    private static func resize(_ bytes: inout [UInt8], to count: Int) {
        if bytes.capacity > 4 * max(count, 64 * 1024) { bytes = [] }
        if bytes.count > count { bytes.removeLast(bytes.count - count) }
        if bytes.count < count { bytes += repeatElement(0, count: count - bytes.count) }
    }

    private static func unreadable(_ path: String) -> GatewayError {
        let code = errno
        return GatewayError(
            .unreadableFile, "cannot read \(path)", hint: "check its permissions",
            cause: unsafe String(cString: strerror(code)))
    }

    /// How far a segment could be read.
    enum End: Equatable {
        case whole
        /// The machine or the process ended while it was written: from there on it is zeros, or pages of it are that
        /// the disk never saw.
        case torn
        /// A record in the middle does not match its checksum: what follows is lost.
        case damaged
    }

    private static let pageBytes = 4_096
    /// No record is longer.
    static let recordBytesMax = 1024 * 1024
    /// What may stand behind the last whole record after a crash: one that is not whole.
    private static let tornBytesMax = 64 * 1024

    /// Hands out every record up to the first that is not whole. A segment that nobody ended has zeros behind its
    /// records: no record begins with a zero, because that is its length, and its head is written last.
    static func scan(
        _ bytes: [UInt8], sequence: Int, visit: (JournalRecord.Kind, inout RecordReader) -> Bool
    ) -> End {
        guard bytes.count >= headBytes else { return bytes.isEmpty ? .whole : .torn }
        let span = bytes.span
        let seed = seed(sequence)
        var end = bytes.count
        while end > 0, span[end - 1] == 0 { end -= 1 }
        guard Array(bytes[0..<headBytes]) == head(sequence) else {
            return end < headBytes || (0..<magic.count).allSatisfy({ span[$0] == 0 }) ? .torn : .damaged
        }
        var index = headBytes
        while index < end {
            let start = index
            guard bytes.count - index > RecordWriter.headBytes else { return .torn }
            let length = Int(number(span, at: index))
            let check = number(span, at: index + 4)
            index += RecordWriter.headBytes
            guard length > 0 else { return stop(start, end) }
            guard length <= bytes.count - index else { return length > recordBytesMax ? .damaged : stop(start, end) }
            let content = span.extracting(index..<(index + length))
            index += length
            guard RecordWriter.checksum(content, seed: seed) == check,
                let kind = JournalRecord.Kind(rawValue: content[0])
            else { return index >= end || hasLostPage(span, start..<index) ? stop(start, end) : .damaged }
            var reader = RecordReader(bytes, (index - length + 1)..<index)
            guard visit(kind, &reader) else { return .damaged }
        }
        return .whole
    }

    /// What it means that no whole record begins at `start`, when what was written goes on to `end`.
    private static func stop(_ start: Int, _ end: Int) -> End { end - start > tornBytesMax ? .damaged : .torn }

    /// Whether a page that a record reaches into is all zeros: the disk had it not yet, though it had later ones.
    private static func hasLostPage(_ bytes: Span<UInt8>, _ record: Range<Int>) -> Bool {
        let pages = record.lowerBound / pageBytes...(record.upperBound - 1) / pageBytes
        return pages.contains { page in
            (page * pageBytes..<min((page + 1) * pageBytes, bytes.count)).allSatisfy { bytes[$0] == 0 }
        }
    }

    private static func number(_ bytes: Span<UInt8>, at index: Int) -> UInt32 {
        var value: UInt32 = 0
        for offset in 0..<4 { value |= UInt32(bytes[index + offset]) << UInt32(offset * 8) }
        return value
    }
}
