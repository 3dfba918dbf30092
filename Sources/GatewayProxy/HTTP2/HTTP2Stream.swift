import GatewayModel
import GatewayWire
import NIOCore

/// One stream of a connection, either side: the queue of bytes on their way out and the window credit of those that
/// came in. Used again for later streams of the same connection.
class HTTP2Stream {
    /// What a stream has for the next DATA frame.
    enum NextData {
        case none
        case some(Int)
        case last(Int, hasTrailers: Bool)
    }

    /// Bytes queued above which the stream is not writable, and below which it is again.
    static let queuedBytesHigh = 64 * 1024
    static let queuedBytesLow = 16 * 1024

    /// The cycle ends with the connection, which lets go of its streams.
    final let connection: HTTP2Connection
    final var id: Int32 = 0
    /// Where the connection keeps it.
    final var position = 0
    /// It is in the connection's list of streams to flush onward.
    final var isTouched = false

    private final var queue: [ByteBuffer] = []
    private final var queueStart = 0
    final private(set) var queuedBytes = 0
    private final var isQueueEnded = false
    private final var trailers: FieldBlock?
    /// nghttp2 has been told that there is nothing to send.
    private final var isDeferred = false
    private final var owesWritable = false

    final private(set) var isReading = true
    private final var withheldFromStream = 0
    private final var withheldFromConnection = 0
    /// The peer's message is complete.
    final var isPeerEnded = false
    /// When bytes last moved in either direction.
    final var lastProgress: UInt64 = 0

    init(connection: HTTP2Connection) { self.connection = connection }

    /// As new, for another stream.
    func prepare(id: Int32, now: UInt64) {
        self.id = id
        lastProgress = now
        queue.removeAll(keepingCapacity: true)
        queueStart = 0
        queuedBytes = 0
        isQueueEnded = false
        trailers = nil
        isDeferred = false
        owesWritable = false
        isReading = true
        isPeerEnded = false
    }

    // MARK: Out

    final var isWritable: Bool { queuedBytes < Self.queuedBytesHigh }
    final var isOutgoingEnded: Bool { isQueueEnded }

    final func enqueue(_ bytes: ByteBuffer) {
        guard bytes.readableBytes > 0, !isQueueEnded else { return }
        if queuedBytes == 0 { lastProgress = connection.worker.now }
        queue.append(bytes)
        queuedBytes += bytes.readableBytes
        if queuedBytes >= Self.queuedBytesHigh { owesWritable = true }
        resume()
    }

    final func endQueue(trailers: FieldBlock?) {
        guard !isQueueEnded else { return }
        isQueueEnded = true
        if let trailers, !trailers.isEmpty { self.trailers = trailers }
        resume()
    }

    /// Drops what has not left yet: the stream is being reset.
    final func abandonQueue() {
        queue.removeAll(keepingCapacity: true)
        queueStart = 0
        queuedBytes = 0
        isQueueEnded = true
    }

    private func resume() {
        guard isDeferred else { return }
        isDeferred = false
        connection.session?.resume(id: id)
    }

    /// Asked by nghttp2 when the windows allow up to `countMax` bytes.
    final func nextData(countMax: Int) -> NextData {
        let count = min(countMax, queuedBytes)
        guard isQueueEnded, count == queuedBytes else {
            isDeferred = count == 0
            return count == 0 ? .none : .some(count)
        }
        guard let trailers else { return .last(count, hasTrailers: false) }
        self.trailers = nil
        let isSubmitted = connection.session?.submitTrailers(trailers, id: id) ?? false
        return .last(count, hasTrailers: isSubmitted)
    }

    /// Moves `count` bytes of the queue behind the frame header in `output`.
    final func movePayload(_ count: Int, into output: inout ByteBuffer) {
        var rest = count
        while rest > 0, queueStart < queue.count {
            let available = queue[queueStart].readableBytes
            if available <= rest {
                output.writeBuffer(&queue[queueStart])
                rest -= available
                queueStart += 1
            } else {
                if var part = queue[queueStart].readSlice(length: rest) { output.writeBuffer(&part) }
                rest = 0
            }
        }
        if queueStart == queue.count {
            queue.removeAll(keepingCapacity: true)
            queueStart = 0
        } else if queueStart >= 32 {
            queue.removeSubrange(..<queueStart)
            queueStart = 0
        }
        queuedBytes -= count
        lastProgress = connection.worker.now
        if owesWritable, queuedBytes <= Self.queuedBytesLow {
            owesWritable = false
            connection.hasDrained(self)
        }
    }

    // MARK: In

    /// Pays back the windows for bytes just delivered, or keeps the debt while the exchange does not read. The
    /// connection's window is shared, so a stream that does not read keeps it back only when such streams hold a
    /// whole connection window together: others go on, and memory stays bounded.
    final func credit(_ count: Int) {
        lastProgress = connection.worker.now
        guard let session = connection.session else { return }
        if isReading {
            session.consumeStream(id: id, count)
        } else {
            withheldFromStream += count
            connection.withheldBytes += count
            if connection.withheldBytes > connection.limits.connectionWindowBytes {
                withheldFromConnection += count
                return
            }
        }
        session.consumeConnection(count)
    }

    final func setReading(_ isReading: Bool) {
        guard isReading != self.isReading else { return }
        self.isReading = isReading
        guard isReading, withheldFromStream > 0 else { return }
        connection.session?.consumeStream(id: id, withheldFromStream)
        releaseWithheld()
        connection.flushSoon()
    }

    /// The debt of a stream that ends or reads again.
    final func releaseWithheld() {
        connection.withheldBytes -= withheldFromStream
        withheldFromStream = 0
        guard withheldFromConnection > 0 else { return }
        connection.session?.consumeConnection(withheldFromConnection)
        withheldFromConnection = 0
    }

    // MARK: What each side does

    /// Body bytes arrived.
    func receive(_ bytes: ByteBuffer) {}
    /// The peer's message is complete.
    func receiveEnd(trailers: FieldBlock?) {}
    /// All of one read has been delivered.
    func flushOnward() {}
    /// The queue has room again.
    func becameWritable() {}
    /// The stream is no more; nothing is called on it after this.
    func closed(_ code: HTTP2Code) {}
    /// Whether it has waited too long for its peer.
    func isStalled(now: UInt64) -> Bool {
        queuedBytes > 0 && now >= lastProgress &+ connection.bodyIdleNanoseconds
    }
}
