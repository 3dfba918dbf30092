import Glibc
import NIOCore

/// Two connected sockets: one for a channel, one for the test.
struct SocketPair {
    /// Among the last numbers a process may have: the rest of it gets lower ones, and leaves this one free.
    let ours: CInt
    private let peer: CInt

    init() throws {
        var numbers: [CInt] = [-1, -1]
        guard unsafe socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue), 0, &numbers) == 0 else {
            throw IOError(errnoCode: errno, reason: "socketpair")
        }
        peer = numbers[1]
        ours = fcntl(numbers[0], F_DUPFD_CLOEXEC, CInt(min(sysconf(CInt(_SC_OPEN_MAX)), 65_536)) - 64)
        close(numbers[0])
        guard ours >= 0 else { throw IOError(errnoCode: errno, reason: "fcntl") }
        // A lost byte fails the test instead of holding it up.
        var patience = timeval(tv_sec: 10, tv_usec: 0)
        unsafe setsockopt(peer, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        var small: CInt = 4_096
        unsafe setsockopt(ours, SOL_SOCKET, SO_SNDBUF, &small, socklen_t(MemoryLayout<CInt>.size))
    }

    /// The next bytes, `count` of them unless the other side ends.
    func received(_ count: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        var block = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count < count {
            let taken = unsafe read(peer, &block, min(block.count, count - bytes.count))
            guard taken > 0 else { break }
            bytes.append(contentsOf: block[..<taken])
        }
        return bytes
    }

    /// Bytes that have arrived and were not read; they stay.
    var waitingCount: Int {
        var block = [UInt8](repeating: 0, count: 1_024)
        return max(0, unsafe recv(peer, &block, block.count, CInt(MSG_DONTWAIT | MSG_PEEK)))
    }

    func closePeer() { close(peer) }

    func closeBoth() {
        close(ours)
        close(peer)
    }
}
