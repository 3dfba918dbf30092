import GatewayModel
import Glibc

/// A pipe used as a flag that a thread can wait for. Signalling never blocks: a full pipe is a flag already set.
final class DescriptorPair: Sendable {
    private let readEnd: Int32
    private let writeEnd: Int32

    init() throws(GatewayError) {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe(&ends) == 0 else {
            throw GatewayError(.internalFault, "cannot make a pipe for a writer thread", cause: "errno \(errno)")
        }
        readEnd = ends[0]
        writeEnd = ends[1]
        for end in ends {
            _ = fcntl(end, F_SETFD, FD_CLOEXEC)
            _ = fcntl(end, F_SETFL, O_NONBLOCK)
        }
    }

    deinit {
        _ = close(readEnd)
        _ = close(writeEnd)
    }

    func signal() {
        var one: UInt8 = 1
        _ = unsafe write(writeEnd, &one, 1)
    }

    /// Waits for a signal and takes it.
    func await(timeoutMilliseconds: Int32) {
        guard wait(timeoutMilliseconds: timeoutMilliseconds) else { return }
        var sink = [UInt8](repeating: 0, count: 64)
        while unsafe read(readEnd, &sink, 64) == 64 {}
    }

    /// Waits for a signal and leaves it set.
    func wait(timeoutMilliseconds: Int32) -> Bool {
        var entry = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        return unsafe poll(&entry, 1, timeoutMilliseconds) > 0
    }
}
