import Foundation
package import GatewayModel

/// A file that the configuration names: API keys, say.
package struct SideFile: Sendable, Equatable {
    package var path: String
    package var bytes: [UInt8]
    /// Permission bits.
    package var mode: UInt32

    package static func read(_ path: String, bytesMax: Int) throws(GatewayError) -> SideFile {
        var info = stat()
        guard unsafe stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG,
            let handle = FileHandle(forReadingAtPath: path)
        else {
            throw GatewayError(
                .unreadableFile, "cannot read \"\(path)\"", hint: "check that it exists and its permissions")
        }
        var bytes: [UInt8] = []
        while bytes.count <= bytesMax {
            guard let more = try? handle.read(upToCount: bytesMax + 1 - bytes.count), !more.isEmpty else { break }
            bytes += more
        }
        guard bytes.count <= bytesMax else {
            throw GatewayError(.tooLarge, "larger than \(bytesMax) bytes: \(path)")
        }
        return SideFile(path: path, bytes: bytes, mode: UInt32(info.st_mode) & 0o777)
    }

    /// Says when one of the files that `paths` names has changed and come to rest. What `paths` gives may change.
    package static func changes(
        of paths: @escaping @Sendable () -> [String], pollMilliseconds: Int = 250
    ) -> AsyncStream<Void> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let task = Task.detached {
                var watched = paths()
                var seen = watched.map { FileStatus($0) }
                var isMoving = false
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(pollMilliseconds))
                    let wanted = paths()
                    let now = wanted.map { FileStatus($0) }
                    if wanted != watched {
                        // They were read just now, with the configuration that names them.
                        (watched, seen, isMoving) = (wanted, now, false)
                    } else if now != seen {
                        (seen, isMoving) = (now, true)
                    } else if isMoving {
                        isMoving = false
                        continuation.yield()
                    }
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }
}
