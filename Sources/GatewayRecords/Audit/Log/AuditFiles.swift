import GatewayModel
import Glibc

/// The few things that are done with files here, none of which follows a link or lets others in.
enum AuditFiles {
    /// A call of the system that failed.
    struct Failure: Error, CustomStringConvertible {
        var what: String
        var code: Int32

        init(_ what: String) {
            self.what = what
            code = errno
        }

        var description: String { unsafe "\(what): \(String(cString: strerror(code)))" }

        var error: GatewayError {
            GatewayError(
                .unreadableFile, what, hint: "check space and permissions of the state folder",
                cause: unsafe String(cString: strerror(code)))
        }
    }

    static func makeFolder(_ path: String) throws(Failure) {
        if unsafe mkdir(path, 0o700) == 0 || errno == EEXIST { return }
        guard errno == ENOENT, let slash = path.lastIndex(of: "/"), slash > path.startIndex else {
            throw Failure("cannot make folder \(path)")
        }
        try makeFolder(String(path[..<slash]))
        guard unsafe mkdir(path, 0o700) == 0 || errno == EEXIST else { throw Failure("cannot make folder \(path)") }
    }

    /// Names in a folder, `.` and `..` apart; none for a folder that is not there.
    static func names(in path: String) -> [String] {
        guard let folder = unsafe opendir(path) else { return [] }
        defer { unsafe closedir(folder) }
        var names: [String] = []
        while let entry = unsafe readdir(folder) {
            let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
                // Safe: the system ends a name with a zero within the field.
                unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }

    /// All of a file; nil when it is not there or longer than `bytesMax`.
    static func read(_ path: String, bytesMax: Int = 1 << 30) -> [UInt8]? {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0, size <= bytesMax, lseek(descriptor, 0, SEEK_SET) == 0 else { return nil }
        return read(descriptor, count: size)
    }

    /// `count` bytes from where the descriptor stands, fewer where the file ends.
    static func read(_ descriptor: Int32, count: Int) -> [UInt8]? {
        var failed = false
        let bytes = unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
            length = 0
            while length < count {
                let got = unsafe Glibc.read(descriptor, buffer.baseAddress?.advanced(by: length), count - length)
                if got < 0, errno == EINTR { continue }
                if got < 0 { failed = true }
                guard got > 0 else { return }
                length += got
            }
        }
        return failed ? nil : bytes
    }

    static func size(_ path: String) -> Int {
        var info = stat()
        return unsafe lstat(path, &info) == 0 ? Int(info.st_size) : 0
    }

    static func write(_ descriptor: Int32, _ bytes: [UInt8]) -> Bool { write(descriptor, bytes.span) }

    static func write(_ descriptor: Int32, _ bytes: Span<UInt8>) -> Bool {
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Glibc.write(descriptor, buffer.baseAddress?.advanced(by: written), buffer.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return false }
            written += count
        }
        return true
    }

    /// Puts `bytes` in the place of a file: readers see the old or the new, never half of it.
    static func replace(_ path: String, _ bytes: [UInt8], mode: mode_t = 0o600) throws(Failure) {
        let draft = path + ".new"
        let descriptor = unsafe open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, mode)
        guard descriptor >= 0 else { throw Failure("cannot create \(draft)") }
        let isWritten = write(descriptor, bytes) && fdatasync(descriptor) == 0
        let failure = Failure("cannot write \(draft)")
        close(descriptor)
        guard isWritten else {
            unsafe unlink(draft)
            throw failure
        }
        guard unsafe rename(draft, path) == 0 else { throw Failure("cannot replace \(path)") }
    }

    /// The same for what can be made again: it need not be on the disk when this returns.
    static func put(_ path: String, _ bytes: [UInt8]) -> Bool {
        let draft = path + ".new"
        var descriptor = unsafe open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        if descriptor < 0, errno == ENOENT, let slash = path.lastIndex(of: "/") {
            do { try makeFolder(String(path[..<slash])) } catch { return false }
            descriptor = unsafe open(draft, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0o600)
        }
        guard descriptor >= 0 else { return false }
        let isWritten = write(descriptor, bytes)
        close(descriptor)
        return unsafe isWritten && rename(draft, path) == 0
    }

    /// Adds to the end of a file, all or nothing: half of it would spoil what is added next.
    static func add(_ path: String, _ bytes: [UInt8]) -> Bool {
        let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let length = lseek(descriptor, 0, SEEK_END)
        guard length >= 0 else { return false }
        if write(descriptor, bytes), fdatasync(descriptor) == 0 { return true }
        _ = ftruncate(descriptor, length)
        return false
    }

    /// Brings a file that is there to the disk.
    static func sync(_ path: String) -> Bool {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return fsync(descriptor) == 0
    }

    /// Brings a folder's names to the disk.
    static func syncFolder(_ path: String) {
        let descriptor = unsafe open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// Bytes of the system's generator, 256 at a call: one call for each eight would cost more than what they salt.
    static func random(_ count: Int) -> [UInt8] {
        unsafe [UInt8](unsafeUninitializedCapacity: count) { buffer, length in
            while length < count {
                let part = min(256, count - length)
                let start = unsafe buffer.baseAddress?.advanced(by: length)
                let isGiven = unsafe start.map { unsafe getentropy($0, part) == 0 } ?? false
                precondition(isGiven, "the system gives no random bytes: \(errno)")
                length += part
            }
        }
    }
}
