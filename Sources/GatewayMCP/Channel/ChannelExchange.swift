package import GatewayModel
package import NIOCore
import Synchronization

/// What many requests to a server of tools share: the pipes of a process, or the stream of a server of 2024-11-05. What
/// is asked of it is asked on its own loop.
package protocol MessageChannel: AnyObject, Sendable {
    var loop: any EventLoop { get }
    /// One message, in a session or to begin one.
    func take(_ message: [UInt8], session: String?, _ asker: ChannelAsker)
    /// What belongs to no request.
    func follow(session: String, _ asker: ChannelAsker)
    /// Nobody waits for it any more.
    func cancel(_ place: ChannelPlace)
    func end(session: String)
    /// Who reads what it says keeps up again.
    func drained()
}

extension MessageChannel {
    package func drained() {}
}

/// One message to a server behind a channel, and what comes back for it: the shape of one HTTP exchange of the
/// revisions with sessions, so that the room need not know the difference. Made and called on one event loop; what it
/// tells comes there too.
package final class ChannelExchange {
    /// 200 for a request, 202 for what has no answer, 404 for a session whose process is gone; the session that
    /// `initialize` has begun.
    package var onHead: ((_ status: Int, _ session: String?) -> Void)?
    /// A message as JSON: notifications and questions of the server, the answer last.
    package var onMessage: (([UInt8]) -> Void)?
    /// Once; nil when all has come.
    package var onEnd: ((GatewayError?) -> Void)?
    private let channel: any MessageChannel
    private let eventLoop: any EventLoop
    /// Who asks: a session that is opened is his.
    private let owner: String
    private var isOver = false
    /// Set where it runs, and read there.
    let place = ChannelPlace()

    package init(_ channel: any MessageChannel, on eventLoop: any EventLoop, owner: String = "") {
        (self.channel, self.eventLoop, self.owner) = (channel, eventLoop, owner)
    }

    /// Sends one message, in a session or to begin one.
    package func post(_ message: [UInt8], session: String?) {
        let asker = asker
        channel.loop.execute { [channel] in channel.take(message, session: session, asker) }
    }

    /// What belongs to no request, until it is cancelled.
    package func follow(session: String) {
        let asker = asker
        channel.loop.execute { [channel] in channel.follow(session: session, asker) }
    }

    /// Nobody waits any more: the server is told.
    package func cancel() {
        isOver = true
        (onHead, onMessage, onEnd) = (nil, nil, nil)
        channel.loop.execute { [channel, place] in channel.cancel(place) }
    }

    /// Ends a session, and the channel where that is its own.
    package static func end(session: String, at channel: any MessageChannel) {
        channel.loop.execute { channel.end(session: session) }
    }

    private var asker: ChannelAsker {
        let (bound, eventLoop) = (NIOLoopBound(self, eventLoop: eventLoop), eventLoop)
        return ChannelAsker(place: place, owner: owner) { [channel, place] arrival in
            guard case .message(let bytes) = arrival else {
                return eventLoop.execute { bound.value.tell(arrival) }
            }
            place.began(bytes.count)
            eventLoop.execute {
                bound.value.tell(arrival)
                if place.took(bytes.count) { channel.loop.execute { channel.drained() } }
            }
        }
    }

    private func tell(_ arrival: ChannelAsker.Arrival) {
        guard !isOver else { return }
        switch arrival {
        case .head(let status, let session): onHead?(status, session)
        case .message(let bytes): onMessage?(bytes)
        case .end(let error):
            isOver = true
            let onEnd = onEnd
            (onHead, onMessage, self.onEnd) = (nil, nil, nil)
            onEnd?(error)
        }
    }
}

/// Where a request is under way, known to the server's own loop.
package final class ChannelPlace: Sendable {
    private let state = Mutex<(session: String, number: Int?)?>(nil)
    /// Told, and not yet taken where it is read.
    private let pendingBytes = Atomic(0)
    private let hasNoReader = Atomic(false)
    /// More than that, and the channel waits until there is less than a quarter.
    private static let pendingBytesMax = 4 << 20

    /// Its client has gone, and has not called it off.
    var isUnheard: Bool {
        get { hasNoReader.load(ordering: .relaxed) }
        set { hasNoReader.store(newValue, ordering: .relaxed) }
    }

    var isFull: Bool { pendingBytes.load(ordering: .relaxed) > ChannelPlace.pendingBytesMax }

    func began(_ count: Int) { pendingBytes.add(count, ordering: .relaxed) }

    /// True where that makes room again. The channel's own loop, which alone sees that there is too much, is told after
    /// that: it never waits for what has been taken.
    func took(_ count: Int) -> Bool {
        let (before, after) = pendingBytes.subtract(count, ordering: .acquiringAndReleasing)
        let low = ChannelPlace.pendingBytesMax / 4
        return before > low && after <= low
    }

    var value: (session: String, number: Int?)? {
        get { state.withLock { $0 } }
        set { state.withLock { $0 = newValue } }
    }
}

/// Who waits for what comes.
package struct ChannelAsker: Sendable {
    enum Arrival: Sendable {
        case head(Int, String?)
        case message([UInt8])
        case end(GatewayError?)
    }

    let place: ChannelPlace
    let owner: String
    let tell: @Sendable (Arrival) -> Void
}
