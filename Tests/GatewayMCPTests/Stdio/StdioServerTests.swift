import GatewayModel
import GatewayWire
import NIOCore
import NIOPosix
import Synchronization
import Testing

@testable import GatewayMCP

/// A process on an event loop of its own, and exchanges with it from there.
private struct StdioBench {
    let server: StdioServer
    let loop: any EventLoop
    var ended = Ended()

    /// What was told of processes that ended by themselves.
    final class Ended: Sendable {
        let reasons = Mutex<[String]>([])
    }

    static func with(
        _ program: String, scope: StdioCommand.Scope = .session, lineBytesMax: Int = 1 << 20, processesMax: Int = 64,
        _ body: (StdioBench) async throws -> Void
    ) async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        var command = StdioCommand(
            words: ["/usr/bin/env", "python3", "-c", program], environment: [("PATH", "/usr/local/bin:/usr/bin:/bin")],
            directory: "/")
        (command.scope, command.lineBytesMax, command.graceMilliseconds) = (scope, lineBytesMax, 200)
        command.processesMax = processesMax
        let ended = Ended()
        let server = StdioServer(command, on: loop) { reason in ended.reasons.withLock { $0.append(reason) } }
        let bench = StdioBench(server: server, loop: loop, ended: ended)
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

    /// From a loop of its own where `reader` is one.
    func post(
        _ text: String, session: String? = nil, owner: String = "", reader: (any EventLoop)? = nil
    ) async throws -> Reply {
        try await begin(text, session: session, owner: owner, reader: reader).get()
    }

    /// What comes for a message that is on its way once this returns.
    func begin(
        _ text: String, session: String? = nil, owner: String = "", reader: (any EventLoop)? = nil,
        isUnheard: Bool = false
    ) async throws -> EventLoopFuture<Reply> {
        let loop = reader ?? loop
        return try await loop.submit { [server] in
            let promise = loop.makePromise(of: Reply.self)
            let exchange = ChannelExchange(server, on: loop, owner: owner)
            var reply = Reply()
            exchange.onHead = { (reply.status, reply.session) = ($0, $1) }
            exchange.onMessage = { bytes in reply.messages.append((try? JSONTree.parse(bytes)) ?? .null) }
            exchange.onEnd = { error in
                reply.error = error
                promise.succeed(reply)
                _ = exchange
            }
            exchange.post(Array(text.utf8), session: session)
            exchange.place.isUnheard = isUnheard
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

    @Test(arguments: ["", "no JSON", " \\t"])
    func `one that floods is ended, and is not started at once`(line: String) async throws {
        let flood = """
            import json, sys
            message = json.loads(sys.stdin.readline())
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {}}), flush=True)
            while True: sys.stdout.write('\(line)\\n' * 1000)
            """
        try await StdioBench.with(flood, scope: .server) { bench in
            let greeted = try await bench.post(request("initialize"))
            let asked = try await bench.post(request("x"), session: greeted.session)
            #expect(asked.error?.message.contains("it floods") == true || asked.status == 404, "\(asked)")
            #expect(try await bench.standing().processes == 0)
            #expect(bench.ended.reasons.withLock { $0.first?.contains("it floods") } == true)
            #expect(bench.server.trouble?.contains("it floods") == true)
            // Each wait is twice the one before: a slow machine meets it some starts later.
            var next = try await bench.post(request("initialize"))
            for _ in 0..<16 where next.error == nil {
                _ = try await bench.post(request("x"), session: next.session)
                next = try await bench.post(request("initialize"))
            }
            #expect(next.error?.message.contains("keeps ending") == true, "\(next)")
        }
    }

    /// Logs much while two calls are under way.
    private static let logging = """
        import json, sys
        waiting = []
        def say(id, result={}):
            print(json.dumps({"jsonrpc": "2.0", "id": id, "result": result}), flush=True)
        for line in sys.stdin:
            message = json.loads(line)
            if message["method"] == "flood":
                while True: sys.stdout.write("no JSON\\n" * 1000)
            if message["method"] == "log":
                waiting.append(message["id"])
                if len(waiting) < 2: continue
                note = {"jsonrpc": "2.0", "method": "notifications/message", "params": {"level": "info", "data": "row"}}
                line = json.dumps(note) + "\\n"
                for _ in range(100): sys.stdout.write(line * 1000)
                for id in waiting: say(id)
                waiting = []
                continue
            say(message["id"])
        """

    @Test func `whoever logs while others wait does not flood`() async throws {
        try await StdioBench.with(Self.logging) { bench in
            let session = try await bench.post(request("initialize")).session
            async let first = bench.post(request("log"), session: session)
            async let second = bench.post(request("log"), session: session)
            let replies = try await [first, second]
            for reply in replies { #expect(reply.error == nil && reply.messages.last?["id"] == 7, "\(reply)") }
            #expect(try await bench.post(request("x"), session: session).messages.count == 1)
            #expect(bench.ended.reasons.withLock { $0 } == [])
        }
    }

    @Test func `how the process of one session ends makes no other wait`() async throws {
        try await StdioBench.with(Self.logging) { bench in
            let other = try await bench.post(request("initialize")).session
            for _ in 0..<3 {
                let session = try await bench.post(request("initialize")).session
                let flooded = try await bench.post(request("flood"), session: session)
                #expect(flooded.error?.message.contains("it floods") == true, "\(flooded)")
                #expect(bench.server.trouble?.contains("it floods") == true)
            }
            #expect(try await bench.post(request("x"), session: other).messages.count == 1)
            #expect(try await bench.post(request("initialize")).error == nil)
        }
    }

    @Test func `what a process has said is not why its server is in trouble`() async throws {
        let dying = """
            import sys, time
            print('token=sk-live-SECRET', file=sys.stderr, flush=True)
            sys.stdin.readline()
            time.sleep(0.2)
            """
        try await StdioBench.with(dying) { bench in
            _ = try await bench.post(request("initialize"))
            #expect(bench.server.trouble == "the server's process has ended")
            #expect(bench.ended.reasons.withLock { $0.first?.contains("SECRET") } == true)
        }
    }

    @Test func `what is written faster than it is read waits, and all of it comes`() async throws {
        let telling = """
            import json, sys
            message = json.loads(sys.stdin.readline())
            token = message["params"]["_meta"]["progressToken"]
            note = {"jsonrpc": "2.0", "method": "notifications/progress",
                    "params": {"progressToken": token, "progress": 1, "message": "x" * 1000}}
            line = json.dumps(note) + "\\n"
            for _ in range(300): sys.stdout.write(line * 100)
            print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {}}), flush=True)
            """
        try await StdioBench.with(telling) { bench in
            let message = #"{"jsonrpc":"2.0","id":7,"method":"x","params":{"_meta":{"progressToken":"p"}}}"#
            let other = MultiThreadedEventLoopGroup(numberOfThreads: 1)
            let reply = try await bench.post(message, reader: other.next())
            #expect(reply.error == nil && reply.messages.count == 30_001)
            #expect(reply.messages.last?["id"] == 7)
            try await other.shutdownGracefully()
        }
    }

    @Test func `who opens many sessions ends his own, and nobody else's`() async throws {
        try await StdioBench.with(Self.echo, processesMax: 3) { bench in
            func open(_ owner: String) async throws -> String? {
                try await bench.post(request("initialize"), owner: owner).session
            }
            let alice = try await open("alice")
            var bob: [String?] = []
            for _ in 0..<5 { bob.append(try await open("bob")) }
            #expect(try await bench.standing().processes == 3)
            #expect(try await bench.post(request("x"), session: alice).messages.count == 1)
            for (index, session) in bob.enumerated() {
                let status = try await bench.post(request("x"), session: session).status
                #expect(status == (index < 3 ? 404 : 200), "\(index)")
            }
            // Who has none yet has a place of who has more.
            let carol = try await open("carol")
            for (session, status) in [(alice, 200), (bob[3], 404), (bob[4], 200), (carol, 200)] {
                #expect(try await bench.post(request("x"), session: session).status == status)
            }
        }
    }

    @Test func `a call that hangs whose client has gone makes room, one that is waited for does not`() async throws {
        let hanging = """
            import json, sys
            for line in sys.stdin:
                message = json.loads(line)
                if message["method"] not in ("initialize", "y"): continue
                print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {}}), flush=True)
            """
        try await StdioBench.with(hanging, processesMax: 2) { bench in
            func open() async throws -> (session: String?, error: GatewayError?) {
                let reply = try await bench.post(request("initialize"), owner: "alice")
                return (reply.session, reply.error)
            }
            let (first, second) = (try await open().session, try await open().session)
            let left = try await bench.begin(request("x"), session: second, owner: "alice", isUnheard: true)
            _ = try await bench.begin(request("x"), session: first, owner: "alice")
            let third = try await open()
            #expect(third.session != nil && third.error == nil)
            #expect(try await left.get().error != nil)
            #expect(try await bench.post(request("y"), session: first).error == nil)
            _ = try await bench.begin(request("x"), session: third.session, owner: "alice")
            #expect(try await open().error?.code == .overloaded)
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
