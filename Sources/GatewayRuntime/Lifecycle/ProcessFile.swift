import Glibc

/// What the kernel says of this process, in `/proc/self`.
enum ProcessFile {
    /// A file's text, as much of it as a megabyte holds; nil when it cannot be opened.
    static func read(_ name: String) -> String? {
        let descriptor = unsafe open("/proc/self/\(name)", O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { _ = close(descriptor) }
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 4096)
        while bytes.count < 1 << 20 {
            let count = unsafe Glibc.read(descriptor, &block, block.count)
            guard count > 0 else { break }
            bytes.append(contentsOf: block[..<count])
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
