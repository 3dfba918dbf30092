import GatewayWire

/// Watches a reply that is one JSON text on its way to the client. Nothing is held of it but what it is asked for.
package struct ReplyMeter: Sendable {
    private var reader: ReplyReader
    /// Bytes so far.
    package private(set) var bytes = 0

    package init(_ shape: ReplyShape) { reader = ReplyReader(shape) }

    /// The next bytes of the reply.
    package mutating func add(_ chunk: Span<UInt8>) {
        bytes += chunk.count
        reader.add(chunk)
    }

    /// The reply has ended, whole or not: `facts` tell.
    package mutating func finish() { reader.finishWhole() }

    /// Complete after `finish`.
    package var facts: ReplyFacts { reader.facts }
}
