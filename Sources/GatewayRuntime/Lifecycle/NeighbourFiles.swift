import Glibc

/// Files that objects name, relative to the configuration that names them.
struct NeighbourFiles: Sendable {
    /// The files and folders the configuration is read from.
    let sources: [String]
    static let bytesMax = 8 * 1024 * 1024

    /// The bytes of the first file of that name beside a source; nil when there is none, or it is too large.
    func read(_ name: String) -> [UInt8]? {
        if name.hasPrefix("/") { return Self.bytes(name) }
        for source in sources.isEmpty ? ["."] : sources {
            if let bytes = Self.bytes("\(Self.folder(of: source))/\(name)") { return bytes }
        }
        return nil
    }

    private static func folder(of source: String) -> String {
        // Safe: the path lives through the call.
        let folder = unsafe open(source, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        if folder >= 0 {
            close(folder)
            return source
        }
        guard let slash = source.lastIndex(of: "/") else { return "." }
        return slash == source.startIndex ? "/" : String(source[..<slash])
    }

    private static func bytes(_ path: String) -> [UInt8]? {
        // Safe: the path lives through the call.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while true {
            // Safe: `read` writes at most the buffer's own size into it.
            let count = unsafe piece.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count == 0 { return bytes }
            guard count > 0, bytes.count + count <= bytesMax else { return nil }
            bytes += piece[..<count]
        }
    }
}
