import Foundation
import GatewayModel
import Synchronization

/// The folder that holds the state, and the lock that says who may write it: one process at a time.
final class StateFolder: Sendable {
    let path: String
    private let lock: Mutex<Int32>

    static let databaseName = "state.db"
    private static let lockName = "state.lock"
    private static let journalName = "journal"

    var databasePath: String { "\(path)/\(StateFolder.databaseName)" }
    var journalPath: String { "\(path)/\(StateFolder.journalName)" }

    /// Makes the folder for its owner only and locks it. Throws `conflict` when another process has it.
    init(_ path: String) throws(GatewayError) {
        try StateFolder.create(path)
        try StateFolder.create("\(path)/\(StateFolder.journalName)")
        let name = "\(path)/\(StateFolder.lockName)"
        let descriptor = unsafe open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw StateFolder.problem("cannot open \(name)") }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw GatewayError(
                .conflict, "another process uses the state folder \"\(path)\"",
                hint: "ask the gateway that serves from it, or stop it")
        }
        // SQLite gives its other files the mode of the first.
        for file in [StateFolder.databaseName, StateFolder.databaseName + "-wal", StateFolder.databaseName + "-shm"] {
            do { try StateFolder.makePrivate("\(path)/\(file)", create: file == StateFolder.databaseName) } catch {
                close(descriptor)
                throw error
            }
        }
        self.path = path
        lock = Mutex(descriptor)
    }

    /// Whether a process has the folder now.
    static func isHeld(_ path: String) -> Bool {
        let descriptor = unsafe open("\(path)/\(lockName)", O_RDWR | O_CLOEXEC | O_NOFOLLOW)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return flock(descriptor, LOCK_SH | LOCK_NB) != 0
    }

    deinit { release() }

    /// Lets others have the folder, and says so rather than only closing the descriptor: a process that is being
    /// started holds a copy of it until it runs its own program.
    func release() {
        lock.withLock { descriptor in
            guard descriptor >= 0 else { return }
            flock(descriptor, LOCK_UN)
            close(descriptor)
            descriptor = -1
        }
    }

    private static func create(_ path: String) throws(GatewayError) {
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        } catch {
            throw GatewayError(
                .unreadableFile, "cannot create folder \"\(path)\"", hint: "check its permissions", cause: "\(error)")
        }
        // A folder that was there already may let others in; what is in it may not.
        guard unsafe chmod(path, 0o700) == 0 else { throw problem("cannot keep others out of \(path)") }
    }

    /// Follows no link: whoever may write into the folder's parent must not choose which file becomes the store.
    private static func makePrivate(_ path: String, create: Bool) throws(GatewayError) {
        let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | (create ? O_CREAT : 0)
        let descriptor = unsafe open(path, flags, 0o600)
        if descriptor < 0, errno == ENOENT, !create { return }
        guard descriptor >= 0 else { throw problem("cannot open \(path)") }
        defer { close(descriptor) }
        guard fchmod(descriptor, 0o600) == 0 else { throw problem("cannot keep others out of \(path)") }
    }

    private static func problem(_ message: String) -> GatewayError {
        let code = errno
        return GatewayError(
            .unreadableFile, message, hint: "check space and permissions of the state folder",
            cause: unsafe String(cString: strerror(code)))
    }
}
