import GatewayModel
import Glibc

/// The descriptor behind a log writer, and the file's identity for noticing a rename. Used by one thread.
struct LogSink: Sendable {
    private let path: String?
    private var descriptor: Int32
    private var lastCheckSeconds: Int = 0

    init(_ target: LogWriter.Target) throws(GatewayError) {
        switch target {
        case .standardOutput: (path, descriptor) = (nil, STDOUT_FILENO)
        case .standardError: (path, descriptor) = (nil, STDERR_FILENO)
        case .none: (path, descriptor) = (nil, -1)
        case .file(let name):
            path = name
            descriptor = LogSink.open(name)
            guard descriptor >= 0 else {
                throw GatewayError(
                    .unreadableFile, "cannot open the log file \(name)",
                    hint: "check that the folder exists and may be written", cause: "errno \(errno)")
            }
        }
    }

    private static func open(_ path: String) -> Int32 {
        // 0640: an access log names people and addresses.
        unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
    }

    /// Opens the path again; false, and the old file stays in use, if that fails.
    mutating func reopen() -> Bool {
        guard let path else { return true }
        let next = LogSink.open(path)
        guard next >= 0 else { return false }
        _ = Glibc.close(descriptor)
        descriptor = next
        return true
    }

    /// Whether the path no longer names the open file; looks at most once a second.
    mutating func wasRotated() -> Bool {
        guard let path else { return false }
        var now = timespec()
        unsafe clock_gettime(CLOCK_MONOTONIC, &now)
        guard now.tv_sec != lastCheckSeconds else { return false }
        lastCheckSeconds = now.tv_sec
        var named = stat()
        var opened = stat()
        guard unsafe fstat(descriptor, &opened) == 0 else { return true }
        guard unsafe stat(path, &named) == 0 else { return true }
        return named.st_ino != opened.st_ino || named.st_dev != opened.st_dev
    }

    /// Writes a whole block; false on an error other than an interruption.
    func write(_ block: LogBlock) -> Bool {
        var offset = 0
        while offset < block.count {
            // Safe: the range ends inside the storage.
            let size = unsafe block.storage.withUnsafeBytes { bytes -> Int in
                guard let base = bytes.baseAddress else { return -1 }
                return unsafe Glibc.write(descriptor, base + offset, block.count - offset)
            }
            if size < 0 {
                if errno == EINTR { continue }
                if errno == EAGAIN, awaitWritable() { continue }
                return false
            }
            offset += size
        }
        return true
    }

    /// A descriptor we inherited may be non-blocking.
    private func awaitWritable() -> Bool {
        var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&entry, 1, 1_000) > 0
    }

    func close() {
        if path != nil { _ = Glibc.close(descriptor) }
    }
}
