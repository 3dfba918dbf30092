import GatewayModel
import NIOCore
import NIOPosix

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// One running process, on one event loop: lines in, lines out, its standard error kept for a person, and no trace of
/// it left behind when it ends. All its functions are for that loop.
final class StdioProcess {
    private let command: StdioCommand
    private let eventLoop: any EventLoop
    private let process: pid_t
    private var lines: StdioLines
    private var tail: StdioTail
    private var channel: (any Channel)?
    private var errorChannel: (any Channel)?
    /// What was to be written before the pipes stood.
    private var unsent: [ByteBuffer] = []
    private var unsentBytes = 0
    private var allowance = StdioAllowance(NIODeadline.now().uptimeNanoseconds)
    private var emptyCount = 0
    private var isPaused = false
    /// It waits for a moment, whoever reads.
    private var isResting = false
    /// Of what belongs to no one request, since it was last let on.
    private var looseBytes = 0
    /// Of its standard error, since it was last let on.
    private var errorBytes = 0
    private var hasEnded = false
    private var isReaped = false
    /// A line that came.
    var onLine: (([UInt8]) -> Void)?
    /// Once; with what a person may want to know.
    var onEnd: ((GatewayError) -> Void)?
    private static let unsentBytesMax = 64 << 20
    private static let watchMilliseconds: Int64 = 500
    /// What it has said last is read before nobody waits for it any more.
    private static let lastWordsMilliseconds: Int64 = 100
    /// What it may write to its standard error in that time before it has to wait.
    private static let errorBytesMax = 1 << 20
    private static let errorPauseMilliseconds: Int64 = 100
    /// The same for what belongs to no one request.
    private static let looseBytesMax = 1 << 20
    private static let loosePauseMilliseconds: Int64 = 100

    init(_ command: StdioCommand, on eventLoop: any EventLoop) throws(GatewayError) {
        let spawned = try StdioSpawn(command)
        (self.command, self.eventLoop, process) = (command, eventLoop, spawned.process)
        lines = StdioLines(bytesMax: command.lineBytesMax)
        tail = StdioTail(bytesMax: command.errorBytesMax)
        attach(spawned)
        watch()
    }

    /// The last that it wrote to its standard error.
    var errorText: String { String(decoding: tail.bytes, as: UTF8.self) }

    private func attach(_ spawned: StdioSpawn) {
        let bound = NIOLoopBound(self, eventLoop: eventLoop)
        NIOPipeBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        StdioReader {
                            bound.value.read($0)
                        } end: {
                            bound.value.end(nil)
                        })
                }
            }
            .takingOwnershipOfDescriptors(input: spawned.output, output: spawned.input)
            .assumeIsolated().whenComplete { [self] result in
                switch result {
                case .success(let channel):
                    guard !hasEnded else { return channel.close(promise: nil) }
                    self.channel = channel
                    for buffer in unsent { channel.write(buffer, promise: nil) }
                    unsent = []
                    channel.flush()
                case .failure(let error): end("its pipes cannot be used: \(error)")
                }
            }
        NIOPipeBootstrap(group: eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        StdioReader {
                            bound.value.readError($0)
                        } end: {
                        })
                }
            }
            .takingOwnershipOfDescriptor(input: spawned.errors)
            .assumeIsolated().whenSuccess { [self] in errorChannel = $0 }
    }

    private func read(_ bytes: ArraySlice<UInt8>) {
        guard !hasEnded else { return }
        for line in lines.add(bytes) { onLine?(line) }
        let empty = lines.emptyCount - emptyCount
        emptyCount = lines.emptyCount
        if empty > 0 { unasked(empty, bytes: empty) }
        if lines.isTooLong { end("it wrote a line of more than \(command.lineBytesMax) bytes") }
    }

    private func readError(_ bytes: ArraySlice<UInt8>) {
        tail.add(bytes)
        errorBytes += bytes.count
        guard errorBytes > Self.errorBytesMax, let errorChannel else { return }
        errorBytes = 0
        errorChannel.setOption(.autoRead, value: false).whenComplete { _ in }
        eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Self.errorPauseMilliseconds)) {
            errorChannel.setOption(.autoRead, value: true).whenComplete { _ in }
        }
    }

    /// It has said something that nobody asked for: who does nothing else is ended.
    func unasked(_ lineCount: Int, bytes: Int) {
        guard !hasEnded else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        guard !allowance.take(lines: lineCount, bytes: bytes, now: now) else { return }
        end("it floods: it keeps writing more than \(StdioAllowance.linesPerSecond) lines a second without being asked")
    }

    // MARK: pace

    /// It tells something of no one request, which perhaps nobody hears: then no reader paces it, so that it has to
    /// wait here.
    func loose(bytes: Int) {
        looseBytes += bytes
        guard looseBytes > Self.looseBytesMax, !isResting, !hasEnded, channel != nil else { return }
        looseBytes = 0
        isResting = true
        applyPace()
        eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Self.loosePauseMilliseconds)) { [self] in
            isResting = false
            applyPace()
        }
    }

    private func applyPace() {
        channel?.setOption(.autoRead, value: !isPaused && !isResting).whenComplete { _ in }
    }

    /// Who reads what it says does not keep up: it is not read either, and has to wait.
    func pause() {
        guard !isPaused, !hasEnded, channel != nil else { return }
        isPaused = true
        applyPace()
    }

    func resume() {
        guard isPaused else { return }
        isPaused = false
        applyPace()
    }

    /// Writes a line. What is written to a process that does not read is lost with it.
    func write(_ line: [UInt8]) {
        guard !hasEnded else { return }
        var buffer = ByteBuffer(bytes: line)
        buffer.writeInteger(UInt8(0x0A))
        if let channel {
            guard channel.isWritable || unsentBytes < Self.unsentBytesMax else { return end("it does not read") }
            unsentBytes += buffer.readableBytes
            let count = buffer.readableBytes
            channel.writeAndFlush(buffer).assumeIsolated().whenComplete { [self] _ in unsentBytes -= count }
        } else {
            unsent.append(buffer)
        }
    }

    /// Ends it: its input is closed, then it is told to, then it is made to.
    func stop() { end("it was stopped") }

    private func end(_ reason: String?) {
        guard !hasEnded else { return }
        hasEnded = true
        channel?.close(promise: nil)
        unsent = []
        reap(after: 0)
        let words = errorText.split(separator: "\n").suffix(3).joined(separator: " / ").prefix(500)
        let error = GatewayError(
            .upstreamReset, "the server's process has ended\(reason.map { ": \($0)" } ?? "")",
            cause: words.isEmpty ? nil : String(words))
        let onEnd = onEnd
        (self.onEnd, onLine) = (nil, nil)
        onEnd?(error)
    }

    /// The end of its pipes says that it has ended, unless somebody it started has them too: so it is asked after.
    private func watch() {
        let loop = eventLoop.assumeIsolated()
        loop.scheduleTask(in: .milliseconds(Self.watchMilliseconds)) { [weak self] in
            guard let self, !hasEnded else { return }
            guard isOver() else { return watch() }
            endOnceRead()
        }
    }

    private func endOnceRead() {
        eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Self.lastWordsMilliseconds)) { [self] in
            if isPaused || isResting { endOnceRead() } else { end(nil) }
        }
    }

    /// Whether it has ended; what it has left behind ends with it. Once that is known nobody is told anything by its
    /// number, which may be another's from then on.
    private func isOver() -> Bool {
        guard !isReaped else { return true }
        guard StdioSpawn.hasEnded(process) else { return false }
        StdioSpawn.signal(process, SIGKILL)
        isReaped = true
        return true
    }

    /// Asks again until nothing is left of it. Whoever it started is in its group.
    private func reap(after waited: Int) {
        if isOver() {
            errorChannel?.close(promise: nil)
            return
        }
        let step = 20
        if waited == command.graceMilliseconds / 2 / step * step { StdioSpawn.signal(process, SIGTERM) }
        if waited >= command.graceMilliseconds { StdioSpawn.signal(process, SIGKILL) }
        eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(step))) { [self] in reap(after: waited + step) }
    }
}

/// Bytes of a pipe, until it ends.
private final class StdioReader: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let read: (ArraySlice<UInt8>) -> Void
    private let end: () -> Void

    init(_ read: @escaping (ArraySlice<UInt8>) -> Void, end: @escaping () -> Void) {
        (self.read, self.end) = (read, end)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        read(Array(unwrapInboundIn(data).readableBytesView)[...])
    }

    func channelInactive(context: ChannelHandlerContext) { end() }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // Its output is closed: it has nothing more to say.
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { context.close(promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }
}
