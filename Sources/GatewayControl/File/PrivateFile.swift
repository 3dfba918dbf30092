import Foundation
import GatewayModel

/// Files that only their owner may read, replaced in one step.
enum PrivateFile {
    /// Writes beside the file, brings it to the disk, and renames it into place.
    static func write(_ bytes: [UInt8], to path: String) throws(GatewayError) {
        let temporary = "\(path).new"
        unsafe unlink(temporary)
        let descriptor = unsafe open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw problem("cannot create \"\(temporary)\"") }
        var written = 0
        while written < bytes.count {
            let count = unsafe bytes.withUnsafeBytes { buffer in
                unsafe Foundation.write(descriptor, buffer.baseAddress?.advanced(by: written), bytes.count - written)
            }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                let error = problem("cannot write \"\(temporary)\"")
                close(descriptor)
                unsafe unlink(temporary)
                throw error
            }
            written += count
        }
        guard fsync(descriptor) == 0 else {
            let error = problem("cannot write \"\(temporary)\"")
            close(descriptor)
            throw error
        }
        close(descriptor)
        guard unsafe rename(temporary, path) == 0 else { throw problem("cannot replace \"\(path)\"") }
    }

    /// A folder for its owner only.
    static func createFolder(_ path: String) throws(GatewayError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw GatewayError(
                .unreadableFile, "cannot create folder \"\(path)\"", hint: "check its permissions", cause: "\(error)")
        }
    }

    private static func problem(_ message: String) -> GatewayError {
        let code = errno
        return GatewayError(
            .unreadableFile, message, hint: "check space and permissions of the state folder",
            cause: unsafe String(cString: strerror(code)))
    }
}
