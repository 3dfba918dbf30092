import GatewayModel
import GatewayWire
package import NIOCore
import Synchronization

/// A server of tools that is a process: starts it when it is needed and again when it has ended, never faster than its
/// back-off allows, one for all or one for each session. It keeps to one event loop.
package final class StdioServer: MessageChannel {
    private struct Running {
        var process: StdioProcess
        var ids = ChannelIDs<ChannelAsker>()
        var followers: [ChannelAsker] = []
        /// The answer to `initialize`, which a shared process is asked only once.
        var welcome: [UInt8]?
        var usedNanoseconds: UInt64
        let owner: String
        /// It has answered something.
        var hasAnswered = false
        /// Not by an error.
        var hasBegun = false
    }

    private final class State {
        var running: [String: Running] = [:]
        var count = 0
        var backOff = StdioBackOff()
        var isStopped = false
        var lastError = ""
    }

    package let command: StdioCommand
    package let loop: any EventLoop
    private let state: NIOLoopBoundBox<State>
    private static let shared = "shared"
    /// Why its last process ended by itself, until another answers.
    private let failure = Mutex<String?>(nil)
    private let failed: @Sendable (_ reason: String) -> Void

    /// Nothing is started yet. `failed` is told of each process that ends by itself.
    package init(
        _ command: StdioCommand, on loop: any EventLoop,
        failed: @escaping @Sendable (_ reason: String) -> Void = { _ in }
    ) {
        (self.command, self.loop, self.failed) = (command, loop, failed)
        state = NIOLoopBoundBox.makeBoxSendingValue(State(), eventLoop: loop)
    }

    /// Ends every process; what comes later is refused.
    package func stop() {
        loop.execute { [self] in
            state.value.isStopped = true
            for running in state.value.running.values { running.process.stop() }
        }
    }

    /// How many processes run, and what the last that ended said on its standard error.
    package func standing() async throws -> (processes: Int, lastError: String) {
        try await loop.submit { [self] in (state.value.running.count, state.value.lastError) }.get()
    }

    /// Why it does not run as it should, in the gateway's own words; nil while nothing is wrong.
    package var trouble: String? { failure.withLock { $0 } }

    private var now: UInt64 { NIODeadline.now().uptimeNanoseconds }

    // MARK: messages

    package func take(_ message: [UInt8], session: String?, _ asker: ChannelAsker) {
        let isOpening = (try? JSONTree.parse(message))?["method"] == "initialize"
        do throws(GatewayError) {
            let key: String
            if isOpening {
                key = try opened(by: asker.owner)
                if command.scope == .server, let welcome = state.value.running[key]?.welcome {
                    return answer(again: welcome, to: message, asker, key)
                }
            } else if let session {
                guard state.value.running[session] != nil else {
                    asker.tell(.head(404, nil))
                    return asker.tell(.end(nil))
                }
                key = session
            } else {
                // Without sessions all requests share one process.
                key = try started(Self.shared, by: "")
            }
            try send(message, key, asker, isOpening: isOpening)
        } catch {
            asker.tell(.end(error))
        }
    }

    private func send(
        _ message: [UInt8], _ key: String, _ asker: ChannelAsker, isOpening: Bool
    ) throws(GatewayError) {
        guard let sent = state.value.running[key]?.ids.outgoing(message, asker) else {
            throw GatewayError(.internalFault, "this is no message of JSON-RPC")
        }
        state.value.running[key]?.usedNanoseconds = now
        asker.place.value = (key, sent.number)
        asker.tell(.head(sent.number == nil ? 202 : 200, isOpening ? key : nil))
        if !sent.line.isEmpty { state.value.running[key]?.process.write(sent.line) }
        if sent.number == nil { asker.tell(.end(nil)) }
    }

    /// The process was greeted before.
    private func answer(again welcome: [UInt8], to message: [UInt8], _ asker: ChannelAsker, _ key: String) {
        let id = (try? JSONTree.parse(message))?["id"] ?? .null
        guard let result = (try? JSONTree.parse(welcome))?["result"] else { return asker.tell(.end(nil)) }
        asker.tell(.head(200, key))
        let answer: JSONTree = ["jsonrpc": "2.0", "id": id, "result": result]
        asker.tell(.message(answer.bytes))
        asker.tell(.end(nil))
    }

    package func follow(session: String, _ asker: ChannelAsker) {
        guard state.value.running[session] != nil else {
            asker.tell(.head(404, nil))
            return asker.tell(.end(nil))
        }
        asker.place.value = (session, nil)
        state.value.running[session]?.followers.append(asker)
        asker.tell(.head(200, nil))
    }

    package func cancel(_ place: ChannelPlace) {
        guard let (key, number) = place.value else { return }
        if let number, let line = state.value.running[key]?.ids.cancel(number) {
            state.value.running[key]?.process.write(line)
        }
        state.value.running[key]?.followers.removeAll { $0.place === place }
    }

    package func end(session: String) {
        guard command.scope == .session else { return }
        state.value.running[session]?.process.stop()
    }

    // MARK: processes

    private func opened(by owner: String) throws(GatewayError) -> String {
        if command.scope == .server { return try started(Self.shared, by: "") }
        state.value.count += 1
        return try started("p\(state.value.count)-\(UInt64.random(in: .min ... .max))", by: owner)
    }

    private func started(_ key: String, by owner: String) throws(GatewayError) -> String {
        if state.value.running[key] != nil { return key }
        guard !state.value.isStopped else { throw GatewayError(.unreachable, "the server is stopped") }
        if let wait = state.value.backOff.waitNanoseconds(now) {
            throw GatewayError(
                .unreachable, "the server's process keeps ending; it is started again in \(wait / 1_000_000 + 1) ms",
                cause: state.value.lastError.isEmpty ? nil : state.value.lastError)
        }
        if state.value.running.count >= command.processesMax { try makeRoom(for: owner) }
        let process: StdioProcess
        do throws(GatewayError) { process = try StdioProcess(command, on: loop) } catch {
            state.value.backOff.started(now)
            state.value.backOff.ended(now)
            throw error
        }
        state.value.backOff.started(now)
        state.value.running[key] = Running(process: process, usedNanoseconds: now, owner: owner)
        process.onLine = { [self] in receive($0, key) }
        process.onEnd = { [self] in ended(key, $0) }
        return key
    }

    /// Of who has the most the one makes room that was asked the longest ago: nobody opens so many that others' end.
    private func makeRoom(for owner: String) throws(GatewayError) {
        let running = state.value.running
        let counts = Dictionary(running.values.map { ($0.owner, 1) }, uniquingKeysWith: +)
        let (own, most) = (counts[owner, default: 0], counts.values.max() ?? 0)
        let isOwn = own > 0 && own == most
        let candidates = running.values.filter { isOwn ? $0.owner == owner : counts[$0.owner] == most }
        let idle = candidates.filter { $0.ids.isEmpty }
        // Then one at work whose answers nobody waits for any more.
        let spare = idle.isEmpty ? candidates.filter { $0.ids.askers.allSatisfy(\.place.isUnheard) } : idle
        // What a client waits for ends only for who has more than one of another who asks.
        let mayBreak = !isOwn && most > 1
        let oldest = (spare.isEmpty && mayBreak ? candidates : spare).min { $0.usedNanoseconds < $1.usedNanoseconds }
        guard let oldest else {
            throw GatewayError(
                .overloaded, "all processes that there may be of the server are at work: \(command.processesMax)",
                hint: "end sessions that are not needed, or raise processesMax")
        }
        oldest.process.stop()
    }

    private func receive(_ line: [UInt8], _ key: String) {
        let isShared = command.scope == .server
        guard let arrival = state.value.running[key]?.ids.incoming(line, isShared: isShared) else { return }
        weigh(arrival, bytes: line.count, key)
        switch arrival {
        case .answer(let asker, let bytes):
            if command.scope == .server, state.value.running[key]?.welcome == nil, isWelcome(bytes) {
                state.value.running[key]?.welcome = bytes
            }
            if state.value.running[key]?.hasBegun == false { state.value.running[key]?.hasBegun = isResult(bytes) }
            if state.value.running[key]?.hasAnswered == false {
                state.value.running[key]?.hasAnswered = true
                failure.withLock { $0 = nil }
            }
            asker.tell(.message(bytes))
            asker.tell(.end(nil))
        case .notification(let asker, let bytes): tell(asker, bytes, key)
        case .question(let asker?, let bytes): tell(asker, bytes, key)
        case .reply(let line): state.value.running[key]?.process.write(line)
        case .question(nil, let bytes), .common(let bytes):
            for follower in state.value.running[key]?.followers ?? [] { tell(follower, bytes, key) }
        case .none: break
        }
    }

    /// What nobody asked for ends who says too much of it. Notifications of no one request are not of that kind while
    /// any is under way, or somebody listens: they are paced.
    private func weigh(_ arrival: ChannelIDs<ChannelAsker>.Arrival, bytes: Int, _ key: String) {
        guard let running = state.value.running[key] else { return }
        switch arrival {
        case .answer, .notification, .question(.some, _): break
        case .common where !running.ids.isEmpty || !running.followers.isEmpty,
            .none(isNotification: true) where !running.ids.isEmpty || !running.followers.isEmpty:
            running.process.loose(bytes: bytes)
        case .question(nil, _), .reply, .common, .none: running.process.unasked(1, bytes: bytes)
        }
    }

    /// The process waits where what it says is not taken: between two loops it would fill the memory.
    private func tell(_ asker: ChannelAsker, _ bytes: [UInt8], _ key: String) {
        asker.tell(.message(bytes))
        if asker.place.isFull { state.value.running[key]?.process.pause() }
    }

    package func drained() { for running in state.value.running.values { running.process.resume() } }

    private func isResult(_ bytes: [UInt8]) -> Bool { (try? JSONTree.parse(bytes))?["result"] != nil }

    private func isWelcome(_ bytes: [UInt8]) -> Bool {
        (try? JSONTree.parse(bytes))?["result"]?["protocolVersion"] != nil
    }

    private func ended(_ key: String, _ error: GatewayError) {
        guard let running = state.value.running.removeValue(forKey: key) else { return }
        state.value.lastError = error.cause ?? ""
        if !state.value.isStopped, error.message.hasSuffix("it was stopped") == false {
            // How one session's process ends is no reason to let the others wait, unless it does not even begin.
            if key == Self.shared || !running.hasBegun { state.value.backOff.ended(now) }
            // What the process has said is for the log alone.
            failure.withLock { $0 = error.message }
            failed(error.cause.map { "\(error.message): \($0)" } ?? error.message)
        }
        for asker in running.ids.askers + running.followers { asker.tell(.end(error)) }
    }
}
