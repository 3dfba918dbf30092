import GatewayModel
import GatewayWire
import Testing

@testable import GatewayMCP

@Suite("What a process of tools says is cut, kept and told apart")
struct StdioPartsTests {
    @Test(arguments: 1...9)
    func `lines are the same however they are cut`(size: Int) {
        var lines = StdioLines(bytesMax: 100)
        let text = Array("{\"a\":1}\n\r\n  \n{\"ä\":2}\r\nrest".utf8)
        var found: [String] = []
        for start in stride(from: 0, to: text.count, by: size) {
            found += lines.add(text[start..<min(start + size, text.count)]).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(found == ["{\"a\":1}", "{\"ä\":2}"])
        #expect(!lines.isTooLong)
    }

    @Test(arguments: [true, false])
    func `a line that is too long ends it, whether it has an end or not`(hasEnd: Bool) {
        var lines = StdioLines(bytesMax: 10)
        let text = "short\n" + String(repeating: "x", count: 11) + (hasEnd ? "\nlater\n" : "")
        let found = lines.add(Array(text.utf8))
        #expect(found == [Array("short".utf8)])
        #expect(lines.isTooLong)
        #expect(lines.add(Array("more\n".utf8)).isEmpty)
    }

    @Test func `who keeps ending waits longer each time, and who ran long begins anew`() {
        var backOff = StdioBackOff()
        let second: UInt64 = 1_000_000_000
        var (now, waits): (UInt64, [UInt64]) = (0, [])
        for _ in 0..<9 {
            backOff.started(now)
            backOff.ended(now)
            let wait = backOff.waitNanoseconds(now) ?? 0
            waits.append(wait / (second / 2))
            now += wait
        }
        #expect(waits == [1, 2, 4, 8, 16, 32, 60, 60, 60])
        #expect(backOff.waitNanoseconds(now) == nil)
        backOff.started(now)
        backOff.ended(now + 61 * second)
        #expect(backOff.waitNanoseconds(now + 61 * second) == second / 2)
    }

    @Test func `the last of its errors is kept`() {
        var tail = StdioTail(bytesMax: 4)
        tail.add(Array("abcdef".utf8))
        tail.add(Array("g".utf8))
        #expect(tail.bytes == Array("defg".utf8))
    }

    // MARK: ids

    private func json(_ text: String) -> [UInt8] { Array(text.utf8) }
    private func parsed(_ bytes: [UInt8]?) throws -> JSONTree { try JSONTree.parse(try #require(bytes)) }

    @Test func `two who use one id hear each of their own`() throws {
        var ids = ChannelIDs<String>()
        let call = #"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"_meta":{"progressToken":1},"name":"x"}}"#
        let first = ids.outgoing(json(call), "alice")
        let second = ids.outgoing(json(call.replacing("\"id\":1", with: "\"id\":\"1\"")), "bob")
        #expect(try parsed(first?.line)["id"] == 1)
        #expect(try parsed(second?.line)["id"] == 2)
        #expect(try parsed(second?.line)["params"]?["_meta"]?["progressToken"] == 2)
        let progress = #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":2,"progress":1}}"#
        guard case .notification("bob", let told) = ids.incoming(json(progress)) else {
            Issue.record("it is not for bob")
            return
        }
        #expect(try parsed(told)["params"]?["progressToken"] == 1)
        guard case .answer("bob", let answer) = ids.incoming(json(#"{"jsonrpc":"2.0","id":2,"result":{}}"#)) else {
            Issue.record("it is not for bob")
            return
        }
        #expect(try parsed(answer)["id"] == "1")
        #expect(ids.askers == ["alice"])
    }

    @Test(arguments: [
        "no JSON", #"{"hello":1}"#, #"{"jsonrpc":"2.0","id":99,"result":{}}"#,
        #"{"jsonrpc":"2.0","id":"1","result":{}}"#,
        #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":77}}"#, "[1]",
    ])
    func `what answers nothing is for nobody`(line: String) throws {
        var ids = ChannelIDs<String>()
        _ = ids.outgoing(json(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#), "alice")
        guard case .none = ids.incoming(json(line)) else {
            Issue.record("it went to somebody")
            return
        }
    }

    @Test func `a request that is called off is called off by the id it is known by`() throws {
        var ids = ChannelIDs<String>()
        _ = ids.outgoing(json(#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#), "other")
        let sent = ids.outgoing(json(#"{"jsonrpc":"2.0","id":"a","method":"ping"}"#), "alice")
        let number = try #require(sent?.number)
        let cancel = #"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"a"}}"#
        let passed = ids.outgoing(json(cancel), "alice")?.line
        #expect(try parsed(passed)["params"]?["requestId"] == 2)
        let told = ids.cancel(number)
        #expect(try parsed(told)["params"]?["requestId"] == 2)
        let again = ids.cancel(number)
        #expect(again == nil)
    }

    @Test func `who listens hears by the id it listens with`() throws {
        var ids = ChannelIDs<String>()
        _ = ids.outgoing(json(#"{"jsonrpc":"2.0","id":"mine","method":"subscriptions/listen","params":{}}"#), "alice")
        let key = "io.modelcontextprotocol/subscriptionId"
        let note = #"{"jsonrpc":"2.0","method":"notifications/tools/list_changed","params":{"_meta":{"\#(key)":1}}}"#
        guard case .notification("alice", let told) = ids.incoming(json(note)) else {
            Issue.record("it is not for alice")
            return
        }
        #expect(try parsed(told)["params"]?["_meta"]?[key] == "mine")
    }

    // MARK: questions of the process

    private func asked(_ arrival: ChannelIDs<String>.Arrival) throws -> String {
        guard case .question("alice", let question) = arrival else {
            Issue.record("it is not for alice")
            return ""
        }
        return try #require(parsed(question)["id"]?.string?.value)
    }

    @Test func `only who was asked can answer, and once`() throws {
        var ids = ChannelIDs<String>()
        _ = ids.outgoing(json(#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#), "alice")
        let question = json(#"{"jsonrpc":"2.0","id":0,"method":"elicitation/create","params":{}}"#)
        let told = try asked(ids.incoming(question, isShared: true))
        for guess in ["0", "\"0\"", "1", "null"] {
            let forged = ids.outgoing(json(#"{"jsonrpc":"2.0","id":\#(guess),"result":{"action":"accept"}}"#), "bob")
            #expect(forged?.line.isEmpty == true)
        }
        let answer = json(#"{"jsonrpc":"2.0","id":"\#(told)","result":{"action":"decline"}}"#)
        let passed = ids.outgoing(answer, "alice")?.line
        #expect(try parsed(passed) == ["jsonrpc": "2.0", "id": 0, "result": ["action": "decline"]])
        #expect(ids.outgoing(answer, "alice")?.line.isEmpty == true)
    }

    @Test func `a question that is called off is called off by the id it was asked by`() throws {
        var ids = ChannelIDs<String>()
        _ = ids.outgoing(json(#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#), "alice")
        let told = try asked(ids.incoming(json(#"{"jsonrpc":"2.0","id":"q","method":"roots/list"}"#)))
        let cancel = json(#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":"q"}}"#)
        guard case .common(let line) = ids.incoming(cancel) else {
            Issue.record("it is not told")
            return
        }
        #expect(try parsed(line)["params"]?["requestId"]?.string?.value == told)
        #expect(ids.outgoing(json(#"{"jsonrpc":"2.0","id":"\#(told)","result":{}}"#), "alice")?.line.isEmpty == true)
    }

    @Test func `of callers who share a process none is asked for another`() throws {
        var ids = ChannelIDs<String>()
        let first = ids.outgoing(json(#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#), "alice")
        let second = ids.outgoing(json(#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#), "bob")
        let question = #"{"jsonrpc":"2.0","id":5,"method":"elicitation/create","params":{"message":"secret"}}"#
        func reply(_ text: String) throws -> JSONTree? {
            guard case .reply(let line) = ids.incoming(json(text), isShared: true) else { return nil }
            return try parsed(line)
        }
        let refusal = try reply(question)
        #expect(refusal?["id"] == 5)
        #expect(refusal?["error"]?["code"]?.int == JSONRPCCode.methodNotFound)
        // It asks whether anybody is there: the gateway is.
        #expect(try reply(#"{"jsonrpc":"2.0","id":6,"method":"ping"}"#)?["result"]?.object != nil)
        _ = ids.remove(try #require(second?.number))
        _ = ids.outgoing(json(#"{"jsonrpc":"2.0","id":2,"method":"subscriptions/listen"}"#), "bob")
        _ = try asked(ids.incoming(json(question), isShared: true))
        _ = ids.remove(try #require(first?.number))
        #expect(try reply(question)?["error"] != nil)
    }

    @Test func `a question with an id as long as a book is not remembered`() {
        var ids = ChannelIDs<String>()
        _ = ids.outgoing(json(#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#), "alice")
        let id = String(repeating: "x", count: 300)
        guard case .none = ids.incoming(json(#"{"jsonrpc":"2.0","id":"\#(id)","method":"roots/list"}"#)) else {
            Issue.record("it is asked")
            return
        }
    }

    @Test func `a process that asks without end is not remembered without end`() throws {
        var ids = ChannelIDs<String>()
        _ = ids.outgoing(json(#"{"jsonrpc":"2.0","id":1,"method":"tools/call"}"#), "alice")
        let first = try asked(ids.incoming(json(#"{"jsonrpc":"2.0","id":0,"method":"roots/list"}"#)))
        var last = ""
        for id in 1...ChannelIDs<String>.questionsMax {
            last = try asked(ids.incoming(json(#"{"jsonrpc":"2.0","id":\#(id),"method":"roots/list"}"#)))
        }
        #expect(ids.outgoing(json(#"{"jsonrpc":"2.0","id":"\#(first)","result":{}}"#), "alice")?.line.isEmpty == true)
        let answer = ids.outgoing(json(#"{"jsonrpc":"2.0","id":"\#(last)","result":{}}"#), "alice")?.line
        #expect(try parsed(answer)["id"]?.int == ChannelIDs<String>.questionsMax)
    }

    // MARK: what nobody asked for

    @Test func `who says little that nobody asked for may do so for ever`() {
        var allowance = StdioAllowance(0)
        var now: UInt64 = 0
        for _ in 0..<100_000 {
            now += 1_000_000
            guard allowance.take(lines: 2, bytes: 2_000, now: now) else {
                Issue.record("it is ended after \(now) ns")
                return
            }
        }
        var taken = 0
        while allowance.take(lines: 1, bytes: 1, now: now) { taken += 1 }
        #expect(taken <= StdioAllowance.linesMax)
        var large = StdioAllowance(0)
        let (whole, more) = (
            large.take(lines: 1, bytes: StdioAllowance.bytesMax, now: 0), large.take(lines: 1, bytes: 1, now: 1_000)
        )
        #expect(whole && !more)
    }

    @Test func `after a long silence no more is borne at once than at the beginning`() {
        var allowance = StdioAllowance(0)
        let later: UInt64 = 3_600_000_000_000
        var taken = 0
        while allowance.take(lines: 1, bytes: 1, now: later) { taken += 1 }
        #expect(taken == StdioAllowance.linesMax)
        // A part of a millisecond is not lost, however often it is asked after.
        var slow = StdioAllowance(0)
        _ = slow.take(lines: StdioAllowance.linesMax, bytes: 0, now: 0)
        for step in 1...10 { _ = slow.take(lines: 0, bytes: 0, now: UInt64(step) * 400_000) }
        let eight = slow.take(lines: 8, bytes: 0, now: 4_000_000)
        #expect(eight)
    }

    @Test func `a notification of what is over is still one`() {
        var ids = ChannelIDs<String>()
        let late = #"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":77}}"#
        for (line, isOne) in [(late, true), (#"{"jsonrpc":"2.0","id":99,"result":{}}"#, false), ("no JSON", false)] {
            guard case .none(isOne) = ids.incoming(json(line)) else {
                Issue.record("\(line)")
                continue
            }
        }
    }

    // MARK: commands

    @Test(arguments: [
        [], [""], ["./server"], ["../server"], ["bin/server"], ["-c"], ["server\0"],
    ])
    func `a command that is none is refused`(words: [String]) {
        #expect(StdioCommand(words: words).problem != nil)
    }

    @Test(arguments: ["LD_PRELOAD", "LD_LIBRARY_PATH", "BASH_ENV", "NODE_OPTIONS", "A=B", "1A", "", "A B"])
    func `a variable that decides which code is run is refused`(name: String) {
        let command = StdioCommand(words: ["server"], environment: [(name, "x")])
        #expect(command.problem != nil)
    }
}
