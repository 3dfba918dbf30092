package import GatewayModel
import Glibc
import Synchronization

/// Where bodies go that are too large to be held in memory: files without a name, in a folder of the gateway's own.
/// What is in them is gone with the process, however it ends.
package final class SpillFolder: Sendable {
    /// All bodies together.
    package static let bytesMaxDefault = 16 * 1024 * 1024 * 1024

    private let path: String
    private let bytesMax: Int
    private let used = Atomic<Int>(0)
    private let number = Atomic<Int>(0)

    /// The folder is made when the first body needs it.
    package init(path: String, bytesMax: Int = SpillFolder.bytesMaxDefault) {
        self.path = path
        self.bytesMax = bytesMax
    }

    /// Bytes in all files that are open.
    package var usedBytes: Int { used.load(ordering: .relaxed) }

    /// A new empty file, for its owner only. Throws `overloaded` when the disk does not take it.
    package func open() throws(GatewayError) -> SpillFile {
        unsafe _ = mkdir(path, 0o700)
        let name = "\(path)/body-\(getpid())-\(number.add(1, ordering: .relaxed).newValue)"
        let descriptor = unsafe Glibc.open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw SpillFolder.problem("cannot create a file in \(path)") }
        // Nobody finds it by a name, and nothing is left of it after a crash.
        unsafe unlink(name)
        return SpillFile(descriptor, of: self)
    }

    /// Makes room in the count of all.
    func take(_ count: Int) throws(GatewayError) {
        guard used.add(count, ordering: .relaxed).newValue <= bytesMax else {
            giveBack(count)
            throw GatewayError(
                .overloaded, "the gateway holds as many large bodies as it may", hint: "try again in a moment")
        }
    }

    func giveBack(_ count: Int) { used.subtract(count, ordering: .relaxed) }

    static func problem(_ message: String) -> GatewayError {
        let code = errno
        return GatewayError(
            .overloaded, "the gateway has no room for a body this large", hint: "try again in a moment",
            cause: unsafe "\(message): \(String(cString: strerror(code)))")
    }
}
