import CLinux
import Foundation
import Synchronization

/// A file that grows at its end. Where the file system lets it, it is written through memory: what was put there is in
/// the page cache and outlives the process, without a system call for each record. Its blocks are taken before they
/// are written to, so that a full disk is told when the file grows, and not by a signal; behind what was written it is
/// zeros until `close` cuts them off. Elsewhere each record is one write.
///
/// Safe although it holds a pointer: every write checks `capacity` first, and the memory goes with the value. Safe to
/// send: it has one owner at a time, the journal under the ledger's lock and then the thread that folds.
@safe
final class JournalFile: @unchecked Sendable {
    let descriptor: Int32
    /// Bytes that were written.
    private(set) var count = 0
    private var isMapped: Bool
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private var isClosed = false

    private static let stepMin = 64 * 1024
    // What a call may have to wait for: some 50 us.
    private static let stepMax = 128 * 1024

    /// A new file for its owner only; nil, and `errno` why, if there is one already or can be none.
    convenience init?(segment path: String) { self.init(path, O_EXCL, mayMap: true) }

    /// The same, or an empty one in place of what was there. `mayMap` is for tests.
    convenience init?(path: String, mayMap: Bool = true) { self.init(path, O_TRUNC, mayMap: mayMap) }

    private init?(_ path: String, _ how: Int32, mayMap: Bool) {
        unsafe descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | how, 0o600)
        unsafe base = nil
        isMapped = mayMap && JournalFile.overwritesInPlace(descriptor)
        guard descriptor >= 0 else { return nil }
    }

    /// Writes all of `bytes` or nothing; false, and `errno` why, if there is no room for them.
    func append(_ bytes: Span<UInt8>) -> Bool {
        guard !isClosed else { return false }
        if isMapped, count + bytes.count <= capacity || grow(to: count + bytes.count) {
            copy(bytes)
            return true
        }
        return !isMapped && write(bytes)
    }

    /// Takes memory and blocks for the first records.
    func reserve() { if isMapped { _ = grow(to: 1) } }

    /// Cuts the file off behind what was written, and brings it to the disk. Nothing more is written.
    func close() {
        guard !isClosed else { return }
        unmap()
        isClosed = true
        _ = ftruncate(descriptor, off_t(count))
        _ = fdatasync(descriptor)
        Foundation.close(descriptor)
    }

    /// The head of the first record comes last: where it is zeros, what is behind it was never said.
    private func copy(_ bytes: Span<UInt8>) {
        guard let base = unsafe base else { return }
        let headBytes = min(RecordWriter.headBytes, bytes.count)
        unsafe bytes.withUnsafeBytes { source in
            guard let start = source.baseAddress else { return }
            let place = unsafe base.advanced(by: count)
            unsafe place.advanced(by: headBytes)
                .copyMemory(from: start.advanced(by: headBytes), byteCount: source.count - headBytes)
            atomicMemoryFence(ordering: .releasing)
            unsafe place.copyMemory(from: start, byteCount: headBytes)
        }
        count += bytes.count
    }

    private func write(_ bytes: Span<UInt8>) -> Bool {
        var done = 0
        while done < bytes.count {
            let result = unsafe bytes.withUnsafeBytes { source in
                unsafe pwrite(
                    descriptor, source.baseAddress?.advanced(by: done), source.count - done, off_t(count + done))
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else {
                // Half a record is none. What went wrong is said by the write.
                let code = result == 0 ? ENOSPC : errno
                _ = ftruncate(descriptor, off_t(count))
                errno = code
                return false
            }
            done += result
        }
        count += bytes.count
        return true
    }

    /// False if there is no room, or if the file cannot be written through memory after all.
    private func grow(to least: Int) -> Bool {
        let step = min(max(capacity, JournalFile.stepMin), JournalFile.stepMax)
        let needed = (least + JournalFile.stepMin - 1) / JournalFile.stepMin * JournalFile.stepMin
        // The last free blocks of a disk are worth having.
        for wanted in [max(capacity + step, needed), needed] {
            let code = take(capacity..<wanted)
            if code == ENOSPC || code == EDQUOT {
                errno = code
                continue
            }
            let memory = unsafe code == 0 ? mmap(nil, wanted, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0) : nil
            unmap()
            guard let memory = unsafe memory, unsafe memory != MAP_FAILED else {
                isMapped = false
                return false
            }
            unsafe base = memory
            capacity = wanted
            return true
        }
        return false
    }

    /// Takes blocks and fills them with zeros; 0, or why not. A page that is in memory already costs the first write to
    /// it a third of what one that has to be fetched does.
    private func take(_ range: Range<Int>) -> CInt {
        let code = posix_fallocate(descriptor, off_t(range.lowerBound), off_t(range.count))
        guard code == 0 else { return code }
        var done = range.lowerBound
        while done < range.upperBound {
            let result = unsafe JournalFile.zeros.withUnsafeBytes { zeros in
                unsafe pwrite(descriptor, zeros.baseAddress, min(zeros.count, range.upperBound - done), off_t(done))
            }
            if result < 0, errno == EINTR { continue }
            guard result > 0 else { return result == 0 ? ENOSPC : errno }
            done += result
        }
        return 0
    }

    private static let zeros = [UInt8](repeating: 0, count: stepMin)

    private func unmap() {
        if let base = unsafe base { unsafe munmap(base, capacity) }
        unsafe base = nil
        capacity = 0
    }

    /// Whether blocks that a file has taken are the ones it is written to. A file system that copies on write, or that
    /// is far away, may find the disk full when a page is written back, and tells by a signal.
    private static func overwritesInPlace(_ descriptor: Int32) -> Bool {
        var facts = statfs()
        guard unsafe fstatfs(descriptor, &facts) == 0 else { return false }
        return [ext4, tmpfs].contains(UInt32(truncatingIfNeeded: facts.f_type))
    }

    // From linux/magic.h; ext2 and ext3 have the number of ext4. XFS may share blocks with a copy of the file.
    private static let ext4: UInt32 = 0xEF53
    private static let tmpfs: UInt32 = 0x0102_1994

    deinit {
        unmap()
        if !isClosed, descriptor >= 0 { Foundation.close(descriptor) }
    }
}
