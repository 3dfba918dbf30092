import Glibc
import NIOCore

/// Sockets that listen on one port and nobody accepts from yet: one per address and event loop. They are what a
/// configuration holds between being judged and being served, so that it is never accepted for a port it cannot have.
struct ListeningSockets {
    let addresses: [String]
    /// The port asked for; 0 lets the kernel choose.
    let asked: Int
    private(set) var bound: Int
    /// By address, then by event loop; those in the file system are not among them.
    private(set) var descriptors: [String: [CInt]] = [:]

    private static let backlog: CInt = 4096
    static let socketPrefix = "unix:"

    /// Binds and listens. `held` are addresses on which we listen on this port already.
    init(_ table: PortTable, loopCount: Int, held: [String]) throws(ListenError) {
        addresses = table.settings.addresses
        asked = table.bindPort
        bound = table.bindPort
        for address in addresses where !address.hasPrefix(Self.socketPrefix) {
            do {
                // `SO_REUSEPORT` lets any process of the same user join, a second gateway too, and the two would share
                // the connections without a word. The first socket therefore binds without it, which fails when
                // anybody else has the port; it is set afterwards, for our other loops.
                let overlaps = (held + descriptors.keys).contains { Self.overlap($0, address) }
                for loop in 0..<loopCount {
                    let descriptor = try listen(address, alone: loop == 0 && !overlaps)
                    descriptors[address, default: []].append(descriptor)
                }
            } catch {
                close()
                throw ListenError(
                    port: table.port, address: address, bindPort: asked, cause: error.cause,
                    isForbidden: error.isForbidden)
            }
        }
    }

    func close() {
        for descriptor in descriptors.values.joined() { _ = Glibc.close(descriptor) }
    }

    /// Takes the socket of a loop; the caller closes it.
    mutating func take(_ address: String) -> CInt? {
        guard descriptors[address]?.isEmpty == false else { return nil }
        return descriptors[address]?.removeFirst()
    }

    private struct Failure: Error {
        let cause: String
        var isForbidden = false
        init(_ number: CInt) {
            isForbidden = number == EACCES || number == EPERM
            // Safe: the text is copied before anything else can be called.
            cause = unsafe String(cString: strerror(number)).lowercased()
        }
        init(cause: String) { self.cause = cause }
    }

    private mutating func listen(_ host: String, alone: Bool) throws(Failure) -> CInt {
        let address: SocketAddress
        do { address = try SocketAddress.makeAddressResolvingHost(host, port: bound) } catch {
            throw Failure(cause: "no such address: \(host)")
        }
        let family = address.protocol.rawValue
        let descriptor = socket(family, CInt(SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw Failure(errno) }
        do throws(Failure) {
            try Self.set(SO_REUSEADDR, on: descriptor)
            if !alone { try Self.set(SO_REUSEPORT, on: descriptor) }
            // Safe: the pointer is used during the call only.
            let result = unsafe address.withSockAddr { pointer, length in
                unsafe Glibc.bind(descriptor, pointer, socklen_t(length))
            }
            guard result == 0, Glibc.listen(descriptor, Self.backlog) == 0 else { throw Failure(errno) }
            if alone { try Self.set(SO_REUSEPORT, on: descriptor) }
            // Port 0: the first socket asks the kernel, the others join it.
            if bound == 0 { bound = try Self.port(of: descriptor) }
        } catch {
            _ = Glibc.close(descriptor)
            throw error
        }
        return descriptor
    }

    private static func set(_ option: CInt, on descriptor: CInt) throws(Failure) {
        var on: CInt = 1
        // Safe: the pointer is to a local and is used during the call only.
        let result = unsafe setsockopt(descriptor, SOL_SOCKET, option, &on, socklen_t(MemoryLayout<CInt>.size))
        guard result == 0 else { throw Failure(errno) }
    }

    private static func port(of descriptor: CInt) throws(Failure) -> Int {
        // In both families the port is the third and fourth byte, in network order.
        var storage = [UInt8](repeating: 0, count: 28)
        var length = socklen_t(storage.count)
        // Safe: the memory is as long as is said and used during the call only.
        let result = unsafe storage.withUnsafeMutableBytes { bytes in
            unsafe getsockname(descriptor, bytes.baseAddress?.assumingMemoryBound(to: sockaddr.self), &length)
        }
        guard result == 0 else { throw Failure(errno) }
        return Int(storage[2]) << 8 | Int(storage[3])
    }

    /// Whether sockets on the two addresses would want the same connections.
    private static func overlap(_ left: String, _ right: String) -> Bool {
        left == right || ["0.0.0.0", "::"].contains(left) || ["0.0.0.0", "::"].contains(right)
    }
}

/// A port that could not be opened.
package struct ListenError: Error, CustomStringConvertible {
    /// As the configuration names it.
    package var port: Int
    package var address: String
    package var bindPort: Int
    package var cause: String
    /// Whether this process may not have the port, whoever else has it.
    package var isForbidden = false

    package var description: String {
        let place = address.hasPrefix(ListeningSockets.socketPrefix) ? address : "\(address):\(bindPort)"
        return "cannot listen on \(place): \(cause)"
    }
}
