import GatewayModel
import GatewayWire

/// Watches a reply that is one JSON text on its way to the client. Nothing is held of it but what it is asked for.
package final class ReplyMeter {
    private var reader: ReplyReader
    /// Bytes so far.
    package private(set) var bytes = 0

    package init(_ shape: ReplyShape) { reader = ReplyReader(shape) }

    /// The next bytes of the reply.
    package func add(_ chunk: Span<UInt8>) {
        bytes += chunk.count
        reader.add(chunk)
    }

    /// The reply has ended, whole or not: `facts` tell.
    package func finish() { reader.finishWhole() }

    /// Complete after `finish`.
    package var facts: ReplyFacts { reader.facts }
    // One by one: all of them together are many to copy.
    var ending: ReplyFacts.Ending { reader.facts.ending }
    var error: ProviderError? { reader.facts.error }
    var hasError: Bool { reader.facts.hasError }
    var hasContent: Bool { reader.facts.hasContent }
    var names: ModelReply.Names {
        ModelReply.Names(
            responseID: reader.facts.responseID, responseModel: reader.facts.responseModel,
            finishReason: reader.facts.finishReason)
    }
    var usage: TokenUsage? { reader.facts.isUsageAbsurd ? nil : reader.facts.usage }
    var outputTextBytes: Int { reader.facts.outputTextBytes }
}
