import GatewayModel
import GatewayWorkbench
import NIOCore
import Testing

@Suite("Upgraded connections carry bytes both ways", .timeLimit(.minutes(1)))
struct UpgradeTests {
    @Test("WebSocket messages of every size come back, and either side may close")
    func webSocket() async throws {
        let mock = try await MockHTTPServer.start()
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port))
        let url = try gateway.url("/ws").replacing("http://", with: "ws://")
        let socket = try await WebSocketClient.open(url)
        for size in [0, 1, 125, 126, 65_535, 65_536, 3_000_000] {
            let bytes = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31) }
            try await socket.send(binary: bytes)
            #expect(try await socket.receive(timeoutMilliseconds: 30_000) == .binary(bytes))
        }
        try await socket.sendClose(code: 1000)
        while let message = try await socket.receive() {
            if case .close(let code, _) = message { #expect(code == 1000) }
        }
        let other = try await WebSocketClient.open(url)
        try await other.send(text: "close:4001")
        var closed = false
        while let message = try await other.receive() {
            guard case .close(let code, _) = message else { continue }
            closed = code == 4001
            try await other.sendClose(code: code)
        }
        #expect(closed)
        let dropped = try await WebSocketClient.open(url)
        try await dropped.send(text: "drop")
        _ = try? await dropped.receive()
        try await gateway.connectionsClosed()
        let log = try await gateway.stopAndReadLog()
        #expect(log.count == 3)
        #expect(log.allSatisfy { $0["status"] as? Int == 101 && $0["outcome"] as? String == "upgraded" })
        await mock.stop()
    }

    /// Answers an upgrade to `echo`, then sends back what comes; a half closed peer is told "bye".
    private func echo() async throws -> ScriptedBackend {
        try await ScriptedBackend.start { peer, event in
            switch event {
            case .bytes(let text) where text.hasPrefix("GET"):
                let parts = text.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
                guard parts.count == 2 else { return false }
                peer.send("HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\nhello ")
                if !parts[1].isEmpty { peer.send(String(parts[1])) }
            case .bytes(let text): peer.send(text)
            case .inputClosed:
                peer.send(" bye")
                peer.finishSending()
            case .closed: break
            }
            return true
        }
    }

    private static let upgrade = "GET / HTTP/1.1\r\nhost: a\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n"

    @Test("any protocol, with bytes sent before the answer, and half closed by the client")
    func generic() async throws {
        let backend = try await echo()
        let gateway = try await GatewayUnderTest.start(Configuration.simple(backend.port))
        let connection = try await gateway.open()
        await connection.send(Self.upgrade + "early ")
        let begun = await connection.read(timeoutMilliseconds: 10_000) {
            String(decoding: $0, as: UTF8.self).contains("early")
        }
        #expect(begun.text.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
        #expect(begun.text.contains("upgrade: echo\r\n"))
        #expect(begun.text.hasSuffix("hello early "))
        await connection.send("later")
        await connection.finishSending()
        let outcome = await connection.readUntilClose(timeoutMilliseconds: 10_000)
        #expect(outcome.text.hasSuffix("hello early later bye"))
        #expect(outcome.end == .closed)
        try await gateway.connectionsClosed()
        try await gateway.stop()
        await backend.stop()
    }

    @Test("a backend that half closes a tunnel still hears the client")
    func halfClosedByBackend() async throws {
        let heard = Box("")
        let backend = try await ScriptedBackend.start { peer, event in
            switch event {
            case .bytes(let text) where text.hasPrefix("GET"):
                peer.send("HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\nthe end")
                peer.finishSending()
            case .bytes(let text): heard.update { $0 += text }
            case .inputClosed: peer.close()
            case .closed: break
            }
            return true
        }
        let gateway = try await GatewayUnderTest.start(Configuration.simple(backend.port))
        let connection = try await gateway.open()
        await connection.send(Self.upgrade)
        let outcome = await connection.readUntilClose(timeoutMilliseconds: 10_000)
        #expect(outcome.text.hasSuffix("the end"))
        await connection.send("still here")
        try await eventually("the backend hears it") { heard.value == "still here" }
        await connection.close()
        try await gateway.connectionsClosed()
        try await gateway.stop()
        await backend.stop()
    }

    @Test("a tunnel whose backend dies ends for the client too", arguments: [true, false])
    func deadBackend(_ isReset: Bool) async throws {
        let backend = try await ScriptedBackend.start { peer, event in
            guard case .bytes(let text) = event else { return false }
            if text.hasPrefix("GET") {
                peer.send("HTTP/1.1 101 Switching Protocols\r\nupgrade: echo\r\nconnection: upgrade\r\n\r\n")
            } else if isReset {
                peer.reset()
            } else {
                peer.close()
            }
            return true
        }
        let gateway = try await GatewayUnderTest.start(Configuration.simple(backend.port))
        let connection = try await gateway.open()
        await connection.send(Self.upgrade)
        _ = await connection.read(timeoutMilliseconds: 10_000) { !$0.isEmpty }
        await connection.send("die")
        let outcome = await connection.readUntilClose(timeoutMilliseconds: 10_000)
        #expect(outcome.end != .open)
        if isReset {
            try await gateway.connectionsClosed()
        }
        await connection.close()
        try await gateway.stop()
        await backend.stop()
    }

    @Test("an upgrade the backend does not take is an ordinary answer, and the connection goes on")
    func declined() async throws {
        let backend = try await ScriptedBackend.start { peer, event in
            guard case .bytes(let text) = event, text.hasSuffix("\r\n\r\n") else { return false }
            let path = text.split(separator: " ")[1]
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: \(path.utf8.count + 1)\r\n\r\n=\(path)")
            return true
        }
        let gateway = try await GatewayUnderTest.start(Configuration.simple(backend.port))
        let connection = try await gateway.open()
        await connection.send(Self.upgrade + "GET /next HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")
        let outcome = await connection.readUntilClose(timeoutMilliseconds: 10_000)
        let statuses = outcome.text.split(separator: "HTTP/1.1 ").compactMap { Int($0.prefix(3)) }
        #expect(statuses == [200, 200])
        #expect(outcome.text.hasSuffix("=/next"))
        try await gateway.stop()
        await backend.stop()
    }

    @Test("a connection whose backend would not upgrade serves nobody else")
    func refused() async throws {
        let backend = try await ScriptedBackend.start { peer, event in
            guard case .bytes(let text) = event, text.hasSuffix("\r\n\r\n") else { return false }
            peer.send("HTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\n\(peer.number)")
            return true
        }
        let gateway = try await GatewayUnderTest.start(Configuration.simple(backend.port), loops: 1)
        let client = WorkbenchClient()
        #expect(try await client.call("GET", try gateway.url()).text == "1")
        let connection = try await gateway.open()
        await connection.send(Self.upgrade)
        let answer = await connection.read(timeoutMilliseconds: 10_000) {
            String(decoding: $0, as: UTF8.self).hasSuffix("\r\n\r\n1")
        }
        #expect(answer.text.hasPrefix("HTTP/1.1 200 "))
        #expect(try await client.call("GET", try gateway.url()).text == "2")
        try await gateway.stop()
        await backend.stop()
    }

    @Test("a backend's connection that has served requests is upgraded like a new one")
    func reused() async throws {
        let mock = try await MockHTTPServer.start()
        let gateway = try await GatewayUnderTest.start(Configuration.simple(mock.port), loops: 1)
        for _ in 0..<2 { #expect(try await WorkbenchClient().call("GET", try gateway.url()).status == 200) }
        let socket = try await WebSocketClient.open(try gateway.url("/ws").replacing("http://", with: "ws://"))
        try await socket.send(text: "there?")
        #expect(try await socket.receive(timeoutMilliseconds: 10_000) == .text("there?"))
        #expect(mock.journal.connectionCount == 1)
        try await socket.sendClose(code: 1000)
        try await gateway.stop()
        await mock.stop()
    }
}
