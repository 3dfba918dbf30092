import NIOCore

/// Frames on their way out, and the closing of the channel.
extension HTTP2Connection {
    /// Lets submitted frames go: at once when one stream is alone, otherwise when all that is ready now on this loop
    /// has been processed, so that the answers of many streams share one write.
    func flushSoon() {
        guard !isFlushScheduled else { return }
        guard !isInSession, !isFlushing else {
            isFlushAsked = true
            return
        }
        guard streams.count > 1 else { return flush() }
        isFlushScheduled = true
        worker.eventLoop.assumeIsolated().execute { [self] in
            isFlushScheduled = false
            flush()
        }
    }

    func flush() {
        guard !isInSession, !isFlushing, !isClosed, !isLingering, let session, let context else {
            isFlushAsked = true
            return
        }
        isFlushing = true
        var isMore = true
        while isMore, !isClosed {
            guard context.channel.isWritable else {
                clock.becameBlocked(now: worker.now)
                break
            }
            isFlushAsked = false
            isMore = gather(session, context) || isFlushAsked
        }
        isFlushing = false
        if !isClosed, session.isOver { finish() }
    }

    /// One write to the socket; whether there may be more.
    private func gather(_ session: HTTP2Session, _ context: ChannelHandlerContext) -> Bool {
        session.output = worker.takeBuffer()
        isInSession = true
        let isMore = session.fill(bytesMax: Self.gatherBytesMax)
        isInSession = false
        let bytes = session.output
        session.output = ByteBuffer()
        if bytes.readableBytes > 0 { context.writeAndFlush(wrapOutboundOut(bytes), promise: nil) }
        worker.giveBack(bytes)
        if !drained.isEmpty {
            let list = drained
            drained.removeAll(keepingCapacity: true)
            for stream in list where !isClosed { stream.becameWritable() }
        }
        return isMore
    }

    // MARK: The end

    /// Nothing more to say: closes our direction and waits a moment, so that the last frames are not lost in a reset.
    func finish() {
        guard !isClosed, !isLingering, let context else { return }
        isLingering = true
        endStreams()
        worker.schedule(self, at: worker.now &+ Self.lingerNanoseconds)
        let promise = context.eventLoop.makePromise(of: Void.self)
        promise.futureResult.assumeIsolated().whenFailure { [self] _ in abortConnection() }
        context.close(mode: .output, promise: promise)
    }

    /// Closes at once, whatever is under way.
    func abortConnection() {
        guard let context else { return }
        context.closeBothWays()
    }
}
