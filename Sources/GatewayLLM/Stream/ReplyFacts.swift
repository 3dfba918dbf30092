package import GatewayModel

/// What a reply has told so far: all that settling a call needs, of whatever form the reply is.
package struct ReplyFacts: Sendable, Equatable {
    /// How the reply stands.
    package enum Ending: UInt8, Sendable {
        /// Not at its end, or cut off before it.
        case open
        /// At its proper end: the last event of its form, or the whole of a JSON text.
        case complete
        /// At an end that says it failed.
        case failed
    }

    /// Nil as long as none was told. In a stream the last one counts: it may have been a partial one until `ending`
    /// says that the end is reached.
    package var usage: TokenUsage?
    /// A usage was told that no call can have: neither it nor what was told before it is believed.
    package var isUsageAbsurd = false
    package var ending = Ending.open
    /// In the provider's own words: `stop`, `tool_calls`, `end_turn`, `max_output_tokens`.
    package var finishReason = ""
    package var responseID = ""
    package var responseModel = ""
    /// Whether anything of the answer itself has come.
    package var hasContent = false
    /// Bytes of text, thinking and arguments as JSON writes them, for an estimate where no usage was told.
    package var outputTextBytes = 0
    /// The error the reply ended with, or is.
    package var error: ProviderError? {
        didSet { hasError = error != nil }
    }
    /// To be asked without a copy of the error.
    package private(set) var hasError = false
    /// The error came after content, so that no other attempt can take its place.
    package var isErrorAfterContent = false
    package var malformedEvents = 0
    package var oversizedEvents = 0

    package init() {}

    /// Names are kept up to so many bytes.
    static let nameBytesMax = 256
}
