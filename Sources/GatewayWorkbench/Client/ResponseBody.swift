import NIOCore
import Synchronization

/// The chunks of a response body as they come, each with its time. Reading stops while nobody
/// iterates, so a slow reader is a slow reader on the wire too.
package struct ResponseBody: AsyncSequence, Sendable {
    package typealias Element = TimedChunk

    typealias Producer = NIOThrowingAsyncSequenceProducer<
        TimedChunk, any Error, NIOAsyncSequenceProducerBackPressureStrategies.HighLowWatermark, BodyDemand
    >

    let producer: Producer
    let ending: BodyEnding

    /// Known once iteration has ended.
    package var trailers: [Header] { ending.state.withLock { $0.trailers } }
    /// When the last byte came, since the request began.
    package var endedMicroseconds: Int { ending.state.withLock { $0.microseconds } }

    package struct AsyncIterator: AsyncIteratorProtocol {
        var base: Producer.AsyncIterator

        @concurrent package mutating func next() async throws -> TimedChunk? {
            try await base.next()
        }
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(base: producer.makeAsyncIterator())
    }
}

/// What is known only at the end of a body.
final class BodyEnding: Sendable {
    struct State: Sendable {
        var trailers: [Header] = []
        var microseconds = 0
    }

    let state = Mutex(State())
}

/// Carries a reader's demand to the handler on the event loop.
struct BodyDemand: NIOAsyncSequenceProducerDelegate, Sendable {
    let eventLoop: any EventLoop
    let handler: NIOLoopBound<ExchangeHandler>
    let exchange: Int

    func produceMore() {
        eventLoop.execute { handler.value.demand(more: true) }
    }

    func didTerminate() {
        eventLoop.execute { handler.value.readerLeft(exchange) }
    }
}
