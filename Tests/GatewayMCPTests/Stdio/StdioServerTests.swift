import GatewayModel
import GatewayWire
import NIOCore
import NIOPosix
import Testing

@testable import GatewayMCP

/// A process on an event loop of its own, and exchanges with it from there.
private struct StdioBench {
    let server: StdioServer
    let loop: any EventLoop

    static func with(
        _ program: String, scope: StdioCommand.Scope = .session, lineBytesMax: Int = 1 << 20,
        _ body: (StdioBench) async throws -> Void
    ) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        var command = StdioCommand(
            words: ["/usr/bin/env", "python3", "-c", program], environment: [("PATH", "/usr/local/bin:/usr/bin:/bin")],
            directory: "/")
        (command.scope, command.lineBytesMax, command.graceMilliseconds) = (scope, lineBytesMax, 200)
        let bench = StdioBench(server: StdioServer(command, on: loop), loop: loop)
        do {
            try await body(bench)
        } catch {
            bench.server.stop()
            throw error
        }
        bench.server.stop()
    }

    struct Reply: Sendable {
        var status = 0
        var session: String?
        var messages: [JSONTree] = []
        var error: GatewayError?
    }

    func post(_ text: String, session: String? = nil) async throws -> Reply {
        try await loop.flatSubmit { [loop, server] in
            let promise = loop.makePromise(of: Reply.self)
            let exchange = ChannelExchange(server, on: loop)
            var reply = Reply()
            exchange.onHead = { (reply.status, reply.session) = ($0, $1) }
            exchange.onMessage = { bytes in reply.messages.append((try? JSONTree.parse(bytes)) ?? .null) }
            exchange.onEnd = { error in
                reply.error = error
                promise.succeed(reply)
                _ = exchange
            }
            exchange.post(Array(text.utf8), session: session)
            return promise.futureResult
        }.get()
    }

    func standing() async throws -> (processes: Int, lastError: String) { try await server.standing() }
}

@Suite("A server of tools may be a process", .timeLimit(.minutes(1)))
struct StdioServerTests {
    /// Answers what it is told to, by the method; tells its environment and what is open.
    private static let echo = """
        import json, os, sys
        print("hello from", os.getpid(), file=sys.stderr, flush=True)
        for line in sys.stdin:
            message = json.loads(line)
            if "id" not in message: continue
            method = message["method"]
            if method == "die": os._exit(3)
            result = {"pid": os.getpid(), "env": dict(os.environ), "cwd": os.getcwd(),
                      "open": len([n for n in os.listdir("/proc/self/fd")])}
            if method == "initialize": result["protocolVersion"] = "2025-11-25"
            if method == "log":
                print("this is no JSON", flush=True)
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
        """

    private func request(_ method: String, _ id: String = "7") -> String {
        #"{"jsonrpc":"2.0","id":\#(id),"method":"\#(method)"}"#
    }

    @Test func `it sees its own variables, its pipes and nothing else`() async throws {
        try await StdioBench.with(Self.echo) { bench in
            let reply = try await bench.post(request("x"))
            let result = try #require(reply.messages.first?["result"])
            #expect(reply.messages.first?["id"] == 7)
            let names = (result["env"]?.object?.members ?? []).map(\.name.value).filter { !$0.hasPrefix("LC_") }
            #expect(names == ["PATH"])
            #expect(result["cwd"] == "/")
            // Three pipes, and the folder it just looked into.
            #expect(result["open"] == 4)
        }
    }

    @Test func `each session has a process, and one that is gone is not known`() async throws {
        try await StdioBench.with(Self.echo) { bench in
            let first = try await bench.post(request("initialize"))
            let second = try await bench.post(request("initialize"))
            #expect(first.session != second.session)
            #expect(first.messages.first?["result"]?["pid"] != second.messages.first?["result"]?["pid"])
            let again = try await bench.post(request("x"), session: first.session)
            #expect(again.messages.first?["result"]?["pid"] == first.messages.first?["result"]?["pid"])
            let dead = try await bench.post(request("die"), session: first.session)
            #expect(dead.error?.code == .upstreamReset)
            #expect(dead.error?.cause?.hasPrefix("hello from") == true)
            #expect(try await bench.post(request("x"), session: first.session).status == 404)
            let other = try await bench.post(request("x"), session: second.session)
            #expect(other.messages.count == 1)
        }
    }

    @Test func `one for all is greeted once`() async throws {
        try await StdioBench.with(Self.echo, scope: .server) { bench in
            let first = try await bench.post(request("initialize", "1"))
            let second = try await bench.post(request("initialize", "\"b\""))
            #expect(second.messages.first?["id"] == "b")
            #expect(first.messages.first?["result"] == second.messages.first?["result"])
            #expect(try await bench.standing().processes == 1)
        }
    }

    @Test func `what it prints beside the protocol disturbs nobody`() async throws {
        try await StdioBench.with(Self.echo) { bench in
            let reply = try await bench.post(request("log"))
            #expect(reply.messages.count == 1)
            #expect(reply.error == nil)
        }
    }

    @Test func `one that keeps ending is not started at once`() async throws {
        try await StdioBench.with("import sys; print('no such file', file=sys.stderr); sys.exit(1)") { bench in
            let first = try await bench.post(request("initialize"))
            #expect(first.error?.code == .upstreamReset)
            // Each wait is twice the one before: a slow machine meets it some starts later.
            var last = first
            for _ in 0..<16 where last.error?.code == .upstreamReset {
                last = try await bench.post(request("initialize"))
            }
            #expect(last.error?.code == .unreachable)
            #expect(last.error?.message.contains("keeps ending") == true)
        }
    }

    @Test func `an endless line ends it`() async throws {
        let flood = "import sys\nfor line in sys.stdin:\n  while True: sys.stdout.write('x' * 65536)"
        try await StdioBench.with(flood, lineBytesMax: 1 << 18) { bench in
            let reply = try await bench.post(request("x"))
            #expect(reply.error?.message.contains("a line of more than") == true)
        }
    }

    @Test func `one that ignores the end of its input is made to end, with what it started`() async throws {
        let stubborn = """
            import json, os, signal, subprocess, sys, time
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            child = subprocess.Popen(["/bin/sleep", "600"])
            message = json.loads(sys.stdin.readline())
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {"child": child.pid}}), flush=True)
            time.sleep(600)
            """
        try await StdioBench.with(stubborn) { bench in
            let reply = try await bench.post(request("initialize"))
            let child = try #require(reply.messages.first?["result"]?["child"]?.int)
            bench.server.stop()
            var isThere = true
            while isThere {
                isThere = StdioServerTests.exists(child)
                if isThere { try await Task.sleep(for: .milliseconds(10)) }
            }
        }
    }

    @Test(arguments: ["False", "True"])
    func `one that ends takes its requests with it, though somebody it started has its pipes`(
        isElsewhere: String
    ) async throws {
        let leaving = """
            import json, os, subprocess, sys
            greeting = json.loads(sys.stdin.readline())
            child = subprocess.Popen(["/bin/sleep", "30"], start_new_session=\(isElsewhere))
            def say(message, result):
                print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
            say(greeting, {"child": child.pid})
            json.loads(sys.stdin.readline())
            say(json.loads(sys.stdin.readline()), {"last": True})
            os._exit(3)
            """
        try await StdioBench.with(leaving) { bench in
            let greeted = try await bench.post(request("initialize"))
            let child = try #require(greeted.messages.first?["result"]?["child"]?.int)
            async let first = bench.post(request("x"), session: greeted.session)
            async let second = bench.post(request("x"), session: greeted.session)
            let replies = try await [first, second]
            #expect(replies.compactMap(\.error?.code) == [.upstreamReset])
            #expect(replies.flatMap(\.messages).map { $0["result"] } == [["last": true]])
            #expect(try await bench.standing().processes == 0)
            // What has left its group is not ours to end; here it is a group of its own.
            StdioSpawn.signal(Int32(child), 9)
        }
    }

    private static func exists(_ process: Int) -> Bool { StdioSpawn.exists(process) }

    @Test func `there is no such program`() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let bench = StdioBench(server: StdioServer(StdioCommand(words: ["no-such-program"]), on: loop), loop: loop)
        let reply = try await bench.post(request("initialize"))
        #expect(reply.error?.code == .unreachable)
    }
}
