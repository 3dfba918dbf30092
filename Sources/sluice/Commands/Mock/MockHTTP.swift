import ArgumentParser
import Foundation
import GatewayModel
import GatewayWorkbench

/// `sluice mock`.
struct MockGroup: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "mock", abstract: "Backends to try a gateway with.",
        subcommands: [MockHTTP.self, MockLLM.self, MockMCP.self])
}

/// `sluice mock http`.
struct MockHTTP: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "http", abstract: "Serve an HTTP backend that echoes requests as JSON, until it is told to stop.",
        discussion: """
            Speaks HTTP/1.1, h2c and WebSocket on one port. Requests choose how it answers, by query or by header: \
            ?delay=100ms, ?status=503, ?fault=truncate, or X-Mock-Delay and so on; paths /sse, /chunks, /bytes, \
            /echo, /status/503. An unknown fault is answered with 400.
            """)

    @Option(help: "Where to listen.")
    var host = "127.0.0.1"

    @Option(help: "0: the kernel chooses.")
    var port = 9_000

    @Option(help: "Listen on a unix socket instead.", completion: .file())
    var unix: String?

    @Option(help: "What the answers call the backend.")
    var name = "mock-0"

    @Flag(name: .customLong("http2-only"), help: "Refuse HTTP/1.1.")
    var http2Only = false

    @Option(help: "PEM file with a certificate chain: serve TLS.", completion: .file())
    var certificate: String?

    @Option(help: "PEM file with its key.", completion: .file())
    var key: String?

    func validate() throws {
        if (certificate == nil) != (key == nil) { throw ValidationError("--certificate and --key belong together") }
        if !(0...65_535).contains(port) { throw ValidationError("--port is not between 0 and 65535") }
    }

    func run() async throws {
        var options = MockHTTPServer.Options()
        (options.host, options.port, options.unixPath) = (host, port, unix)
        options.pod = MockPod(pod: name)
        options.http2Only = http2Only
        if let certificate, let key {
            options.tls = MockTLSOptions(
                certificatePEM: try TextFile.read(certificate), privateKeyPEM: try TextFile.read(key))
        }
        let server: MockHTTPServer
        do {
            server = try await MockHTTPServer.start(options)
        } catch {
            throw GatewayError(
                .unreachable, "cannot listen on \(unix ?? "\(host):\(port)"): \(error)", hint: "is it in use?")
        }
        let scheme = certificate == nil ? "http" : "https"
        Terminal.out(unix.map { "mock listens on unix:\($0)" } ?? "mock listens on \(scheme)://\(server.authority)/")
        await server.wait()
    }
}
