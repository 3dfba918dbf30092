package import NIOCore
import Synchronization

/// The servers that are processes, over reloads: as long as its name and its command stay, a server goes on.
package final class StdioServers: Sendable {
    package struct Key: Sendable, Hashable {
        package var name: String
        package var command: StdioCommand

        package init(name: String, command: StdioCommand) { (self.name, self.command) = (name, command) }
    }

    private let servers = Mutex<[Key: StdioServer]>([:])
    private let group: any EventLoopGroup

    private let failed: @Sendable (_ message: String) -> Void

    /// `failed` is told of each process that ends by itself.
    package init(group: any EventLoopGroup, failed: @escaping @Sendable (_ message: String) -> Void = { _ in }) {
        (self.group, self.failed) = (group, failed)
    }

    /// Why servers do not run as they should, by their names.
    package var troubles: [String: String] {
        servers.withLock { servers in
            var troubles: [String: String] = [:]
            for (key, server) in servers { if let trouble = server.trouble { troubles[key.name] = trouble } }
            return troubles
        }
    }

    /// The server there is, or a new one; nothing is started before its first request, so that a configuration may be
    /// tried.
    package func server(_ key: Key) -> StdioServer {
        servers.withLock { servers in
            if let known = servers[key] { return known }
            let server = StdioServer(key.command, on: group.next()) { [failed] reason in
                failed("MCPServer \(key.name): \(reason)")
            }
            servers[key] = server
            return server
        }
    }

    /// Ends all others.
    package func keep(only keys: Set<Key>) {
        let gone = servers.withLock { servers in
            let gone = servers.filter { !keys.contains($0.key) }
            for key in gone.keys { servers[key] = nil }
            return Array(gone.values)
        }
        for server in gone { server.stop() }
    }
}
