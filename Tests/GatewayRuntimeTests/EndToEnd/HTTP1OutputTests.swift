import GatewayModel
import GatewayRecords
import NIOCore
import NIOPosix
import Testing

@testable import GatewayProxy

@Suite("What HTTP/1 says leaves at the end of a loop's turn", .timeLimit(.minutes(1)))
struct HTTP1OutputTests {
    private static let count = 20

    @Test("one message alone leaves at once, and so does one a while later")
    func alone() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let pairs = try (0..<2).map { _ in try SocketPair() }
        let mouths = try await Mouth.all(on: pairs, loop, isBusy: false)
        let arrived = try await loop.submit {
            var arrived: [Bool] = []
            for (mouth, pair) in zip(mouths.value, pairs) {
                mouth.say("alone")
                arrived.append(pair.waitingCount > 0)
                while NIODeadline.now().uptimeNanoseconds < mouth.worker.now + 60_000 {}
                mouth.worker.refreshClock()
            }
            return arrived
        }.get()
        #expect(arrived == [true, true])
        try await loop.submit { for mouth in mouths.value { mouth.close() } }.get()
        for pair in pairs { pair.closePeer() }
    }

    @Test("messages that are ready together leave together, 16 at most wait for each other")
    func together() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let pairs = try (0..<HTTP1OutputTests.count).map { _ in try SocketPair() }
        let mouths = try await Mouth.all(on: pairs, loop)
        let arrived = try await loop.submit {
            mouths.value.enumerated().map { index, mouth in
                mouth.say("answer \(index)")
                return pairs.count { $0.waitingCount > 0 }
            }
        }.get()
        #expect(arrived == Array(repeating: 0, count: 15) + Array(repeating: 16, count: 5))
        for (index, pair) in pairs.enumerated() {
            #expect(pair.text("answer \(index)".utf8.count) == "answer \(index)")
        }
        try await loop.submit { for mouth in mouths.value { mouth.close() } }.get()
        for pair in pairs { pair.closePeer() }
    }

    @Test("what must be out before the end is: now, or with the channel's last words")
    func ends() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let pairs = try (0..<2).map { _ in try SocketPair() }
        let mouths = try await Mouth.all(on: pairs, loop)
        try await loop.submit {
            mouths.value[0].say("now")
            mouths.value[0].output.leave()
            mouths.value[0].close()
            mouths.value[1].say("with the last words")
            mouths.value[1].output.last()?.assumeIsolated().whenComplete { _ in mouths.value[1].close() }
        }.get()
        #expect(pairs[0].text(3) == "now")
        #expect(pairs[1].text(19) == "with the last words")
        for pair in pairs { pair.closePeer() }
    }

    @Test("what was said before a call is called off still goes, once")
    func calledOff() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let pairs = [try SocketPair()]
        let mouths = try await Mouth.all(on: pairs, loop)
        let arrived = try await loop.submit {
            mouths.value[0].say("before the end")
            let arrived = pairs[0].waitingCount > 0
            mouths.value[0].output.leaveBeforeEnd()
            mouths.value[0].close()
            return arrived
        }.get()
        #expect(!arrived)
        #expect(pairs[0].text(100) == "before the end")
        pairs[0].closePeer()
    }

    @Test("a message that the socket does not take at once arrives whole and in order")
    func long() async throws {
        let loop = MultiThreadedEventLoopGroup.singleton.next()
        let pair = try SocketPair()
        let mouths = try await Mouth.all(on: [pair], loop)
        let parts = (0..<40).map { String(repeating: "\($0 % 10)", count: 1 + $0 * 997) }
        try await loop.submit { for part in parts { mouths.value[0].say(part) } }.get()
        let all = parts.joined()
        #expect(pair.text(all.utf8.count) == all)
        try await loop.submit { mouths.value[0].close() }.get()
        pair.closePeer()
    }
}

/// Says what it is told by an `HTTP1Output`.
private final class Mouth: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    let worker: Worker
    let output: HTTP1Output
    private var context: ChannelHandlerContext?

    init(_ worker: Worker) {
        self.worker = worker
        output = HTTP1Output(worker)
    }

    /// One for each pair, of one worker.
    static func all(
        on pairs: [SocketPair], _ loop: any EventLoop, isBusy: Bool = true
    ) async throws -> NIOLoopBound<[Mouth]> {
        let mouths = try await loop.submit {
            let shared = SharedState(
                snapshots: SnapshotStore(.empty),
                directory: EndpointDirectory(
                    eventLoop: loop, lookup: NameLookup { _, loop in loop.makeSucceededFuture([]) }))
            let recorder = LoopRecorder(metrics: MetricRegistry().makeLoop(), log: nil)
            let worker = Worker(eventLoop: loop, shared: shared, recorder: recorder)
            // The clock stands still from here on: what is sent next is sent in the same moment.
            if isBusy { _ = worker.sendsOften() }
            return NIOLoopBound(pairs.map { _ in Mouth(worker) }, eventLoop: loop)
        }.get()
        for (index, pair) in pairs.enumerated() {
            _ = try await ClientBootstrap(group: loop)
                .channelInitializer { channel in
                    channel.eventLoop.makeCompletedFuture {
                        try channel.pipeline.syncOperations.addHandler(mouths.value[index])
                    }
                }
                .withConnectedSocket(pair.ours).get()
        }
        return mouths
    }

    func handlerAdded(context: ChannelHandlerContext) {
        self.context = context
        output.attach(to: context, isPlain: true)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        output.detach()
    }

    func channelInactive(context: ChannelHandlerContext) { output.closed() }

    func say(_ text: String) {
        output.append(ByteBuffer(string: text))
        output.flush()
    }

    func close() { context?.close(promise: nil) }
}

extension SocketPair {
    fileprivate func text(_ count: Int) -> String { String(decoding: received(count), as: UTF8.self) }
}
