package import NIOCore
import NIOPosix
import Synchronization

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#elseif canImport(Darwin)
import Darwin
#endif

/// How names become addresses. A closure, so that tests bring their own answers; the product has one.
package struct NameLookup: Sendable {
    /// Looks up all IPv4 and IPv6 addresses of a host; the port of the answers is of no meaning.
    /// It must not block the event loop it is given.
    package var addresses: @Sendable (_ host: String, _ eventLoop: any EventLoop) -> EventLoopFuture<[SocketAddress]>

    package init(
        _ addresses:
            @escaping @Sendable (_ host: String, _ eventLoop: any EventLoop) -> EventLoopFuture<[SocketAddress]>
    ) {
        self.addresses = addresses
    }

    /// The system's resolver (`/etc/hosts`, DNS, whatever the machine is set up for), on threads of its own: a name
    /// server that does not answer holds a thread for half a minute, which file reading must not feel.
    package static let system: NameLookup = {
        let threads = LookupThreads()
        return NameLookup { host, eventLoop in
            threads.pool().runIfActive(eventLoop: eventLoop) { try resolve(host) }
        }
    }()

    /// Threads are made when the first name is looked up: most gateways of addresses only never need them.
    private final class LookupThreads: Sendable {
        private let made = Mutex<NIOThreadPool?>(nil)

        func pool() -> NIOThreadPool {
            made.withLock { made in
                if let pool = made { return pool }
                let pool = NIOThreadPool(numberOfThreads: 4)
                pool.start()
                made = pool
                return pool
            }
        }
    }

    /// Blocks. In the order the system prefers, without duplicates.
    static func resolve(_ host: String) throws -> [SocketAddress] {
        var hints = unsafe addrinfo()
        unsafe hints.ai_family = AF_UNSPEC
        #if canImport(Glibc)
        unsafe hints.ai_socktype = Int32(SOCK_STREAM.rawValue)
        #else
        unsafe hints.ai_socktype = Int32(SOCK_STREAM)
        #endif
        var list: UnsafeMutablePointer<addrinfo>?
        let code = unsafe getaddrinfo(host, nil, &hints, &list)
        // Safe: the list is ours from here to freeaddrinfo, and addresses are copied out of it.
        defer { if unsafe list != nil { unsafe freeaddrinfo(list) } }
        guard code == 0 else { throw LookupFailure(reason: unsafe String(cString: gai_strerror(code))) }
        var found: [SocketAddress] = []
        var next = unsafe list
        while let entry = unsafe next {
            unsafe next = entry.pointee.ai_next
            guard let address = unsafe address(entry.pointee), !found.contains(address) else { continue }
            found.append(address)
        }
        return found
    }

    private static func address(_ entry: addrinfo) -> SocketAddress? {
        guard let raw = unsafe UnsafeRawPointer(entry.ai_addr) else { return nil }
        switch unsafe entry.ai_family {
        case AF_INET: return SocketAddress(unsafe raw.loadUnaligned(as: sockaddr_in.self))
        case AF_INET6: return SocketAddress(unsafe raw.loadUnaligned(as: sockaddr_in6.self))
        default: return nil
        }
    }
}

/// Why a name has no address.
struct LookupFailure: Error, CustomStringConvertible {
    var reason: String
    var description: String { reason }
}
