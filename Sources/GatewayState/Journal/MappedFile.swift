import Foundation

/// A file that grows at its end and is written through memory: what was put there is in the page cache and outlives the
/// process, without a system call for each record. Its blocks are taken before they are written to, so that a full disk
/// is told when the file grows, and not by a signal. Behind what was written it is zeros until `finish` cuts them off.
///
/// Safe although it holds a pointer: every write checks `capacity` first, and the memory goes with the value.
@safe
final class MappedFile {
    let descriptor: Int32
    /// Bytes that were written.
    private(set) var count = 0
    private var base: UnsafeMutableRawPointer?
    private var capacity = 0
    private var isFinished = false

    private static let stepMin = 64 * 1024
    private static let stepMax = 1024 * 1024

    /// A new file, or an empty one in place of what was there; nil, and `errno` why, if there can be none.
    init?(path: String, mode: mode_t) {
        unsafe descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, mode)
        unsafe base = nil
        guard descriptor >= 0 else { return nil }
    }

    /// Writes all of `bytes` or nothing; false, and `errno` why, if there is no room for them.
    func append(_ bytes: [UInt8]) -> Bool {
        guard count + bytes.count <= capacity || grow(to: count + bytes.count), let base = unsafe base else {
            return false
        }
        unsafe bytes.withUnsafeBytes { source in
            if let start = source.baseAddress {
                unsafe base.advanced(by: count).copyMemory(from: start, byteCount: source.count)
            }
        }
        count += bytes.count
        return true
    }

    /// Cuts the file off behind what was written. Its descriptor is the caller's from then on; nothing more is written.
    func finish() -> Int32 {
        isFinished = true
        unmap()
        _ = ftruncate(descriptor, off_t(count))
        return descriptor
    }

    private func grow(to least: Int) -> Bool {
        guard !isFinished else { return false }
        let step = min(max(capacity, MappedFile.stepMin), MappedFile.stepMax)
        let wanted = max(capacity + step, (least + MappedFile.stepMin) / MappedFile.stepMin * MappedFile.stepMin)
        let code = posix_fallocate(descriptor, 0, off_t(wanted))
        guard code == 0 else {
            errno = code
            return false
        }
        let memory = unsafe mmap(nil, wanted, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0)
        guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { return false }
        unmap()
        unsafe base = memory
        capacity = wanted
        return true
    }

    private func unmap() {
        if let base = unsafe base { unsafe munmap(base, capacity) }
        unsafe base = nil
        capacity = 0
    }

    deinit {
        unmap()
        if !isFinished, descriptor >= 0 { close(descriptor) }
    }
}
