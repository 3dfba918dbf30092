package import GatewayModel
import GatewayWire

/// Watches a native event stream on its way to the client. The bytes go through as they came; only the chunk that tells
/// the usage is taken out where the gateway and not the client asked for it.
package struct StreamMeter: Sendable {
    /// What to send of the chunk that was given.
    package enum Forward: Sendable, Equatable {
        /// All of it, as it is.
        case all
        /// These bytes of it; none if the range is empty.
        case part(Range<Int>)
        /// What was put into `out` instead.
        case copied
    }

    private var parser: SSEParser
    private var reader: ReplyReader
    private let removesUsageChunk: Bool
    /// An error of the provider is held back, with all that follows it.
    private let withholdsErrors: Bool
    /// Answers in one stream: that one of them has said why it stopped does not say that all have.
    private let choices: Int
    /// The chunk before ended within an event that is still held back.
    private var isHolding = false
    /// The last event was taken out, and so is the rest of its last line end, should it come by itself.
    private var isRemoving = false
    /// The client is told by the stream itself that it failed.
    package private(set) var hasToldFailure = false
    /// Events too large to be read of which the beginning was.
    private var oversizedSeen = 0
    /// What is sent in place of the event that was taken out.
    private var told: [UInt8] = []

    /// `removesUsageChunk`: the client did not ask for the usage (see `UsageRequest`). `withholdsErrors`: who passes
    /// the stream on tells them in words of its own; a response that failed is passed on with such words in it, since
    /// it is an answer. Nothing follows either.
    package init(
        _ shape: ReplyShape, removesUsageChunk: Bool = false, withholdsErrors: Bool = false,
        eventBytesMax: Int = SSEParser.eventBytesMax, choices: Int = 1
    ) {
        self.withholdsErrors = withholdsErrors
        parser = SSEParser(eventBytesMax: eventBytesMax)
        reader = ReplyReader(shape)
        self.choices = choices
        self.removesUsageChunk = removesUsageChunk && shape.hasUsageChunk
    }

    package var facts: ReplyFacts {
        var facts = reader.facts
        facts.oversizedEvents += parser.oversizedEvents
        return facts
    }

    // Asked for with every chunk: read where they are, not from a copy.
    package var hasContent: Bool { reader.facts.hasContent }
    package var usage: TokenUsage? { reader.facts.isUsageAbsurd ? nil : reader.facts.usage }
    package var outputTextBytes: Int { reader.facts.outputTextBytes }
    package var error: ProviderError? { reader.facts.error }
    package var isComplete: Bool { reader.facts.ending == .complete }
    /// The provider has said of every answer why it stopped.
    package var hasFinished: Bool {
        reader.shape.hasUsageChunk ? reader.finishedChoices >= choices : !reader.facts.finishReason.isEmpty
    }
    /// Nothing more is expected: the stream has said its last event, or failed.
    package var isAtEnd: Bool { reader.facts.ending != .open }
    package var hasFailed: Bool { reader.facts.ending == .failed }
    package var hasWithheldError: Bool { withholdsErrors && reader.facts.hasError && !hasToldFailure }

    /// The stream has ended. What was held back and is to be sent is appended to `out`: not an event that ended early,
    /// which a client would read as a whole one.
    package mutating func finish(into out: inout [UInt8]) {
        let empty: [UInt8] = []
        let step = parser.finish()
        let isRemoved = step == .event && readEvent(empty.span)
        if isHolding, !isRemoved, isAtEnd { out.append(contentsOf: parser.held) }
        takeTold(into: &out)
        if !isHolding { reader.finishStream(choices: choices) }
        isHolding = false
    }

    /// Whether it is to be taken out.
    private mutating func readEvent(_ chunk: Span<UInt8>) -> Bool {
        let isFirstError = !reader.facts.hasError
        let isUsageChunk = parser.withEvent(chunk) { name, data in reader.event(data, isError: name.isError) }
        if isUsageChunk && removesUsageChunk || hasToldFailure { return true }
        guard withholdsErrors, isFirstError, reader.isResponseWithError else { return hasWithheldError }
        told = parser.withEvent(chunk) { name, data in FailedResponse.event(data, name: name) ?? [] }
        // One that cannot be read is told of as any other error.
        if told.isEmpty { reader.failUntold() }
        hasToldFailure = reader.facts.hasError && !told.isEmpty
        return true
    }

    /// The same of an event that is too large to be read, by what it begins with.
    private mutating func readOversized(_ chunk: Span<UInt8>) -> Bool {
        let isFirst = parser.oversizedEvents > oversizedSeen
        oversizedSeen = parser.oversizedEvents
        guard withholdsErrors else { return false }
        if isFirst, !reader.facts.hasError {
            let beginning = beginning(chunk)
            var parser = SSEParser(eventBytesMax: .max)
            var position = 0
            // No event has so much before its data.
            guard parser.next(beginning.span, &position) == .event else {
                reader.failUntold()
                return hasWithheldError
            }
            parser.withEvent(beginning.span) { name, data in
                reader.beginning(data, isError: name.isError || name.isFailed)
            }
        }
        return hasToldFailure || hasWithheldError
    }

    /// What is there of an event that is too large to be read, as an event that ends here.
    private func beginning(_ chunk: Span<UInt8>) -> [UInt8] {
        var bytes = Array(parser.held.prefix(parser.heldCount))
        StreamMeter.append(chunk, parser.extent, to: &bytes)
        return bytes + [0x0A, 0x0A]
    }

    private mutating func takeTold(into out: inout [UInt8]) {
        out.append(contentsOf: told)
        told = []
    }

    /// The next bytes of the stream. With `.copied`, what to send was appended to `out`. Only whole events are sent, so
    /// that an error or a comment of the gateway never lands within one. As long as only the chunk's own bytes are
    /// sent, in one run, nothing is copied.
    package mutating func add(_ chunk: Span<UInt8>, into out: inout [UInt8]) -> Forward {
        var position = 0
        var run = 0..<0
        var isCopied = false
        while true {
            let step = parser.next(chunk, &position)
            let extent = parser.extent
            if step == .more {
                isHolding = parser.heldCount > 0 || !extent.isEmpty
                break
            }
            if !parser.isRestOfLineEnd {
                isRemoving = step == .event && readEvent(chunk) || step == .oversized && readOversized(chunk)
            }
            if isRemoving {
                guard !told.isEmpty else { continue }
                if !isCopied { StreamMeter.append(chunk, run, to: &out) }
                isCopied = true
                takeTold(into: &out)
                continue
            }
            if step == .oversized { reader.hasAnswer = true }
            if parser.heldCount > 0 || isCopied || !run.isEmpty && run.upperBound != extent.lowerBound {
                if !isCopied { StreamMeter.append(chunk, run, to: &out) }
                isCopied = true
                out.append(contentsOf: parser.held.prefix(parser.heldCount))
                StreamMeter.append(chunk, extent, to: &out)
            } else {
                run = run.isEmpty ? extent : run.lowerBound..<extent.upperBound
            }
        }
        if isCopied { return .copied }
        return run.count == chunk.count ? .all : .part(run)
    }

    private static func append(_ bytes: Span<UInt8>, _ range: Range<Int>, to out: inout [UInt8]) {
        out.reserveCapacity(out.count + range.count)
        for index in range { out.append(bytes[index]) }
    }
}

extension Span<UInt8> {
    /// The name of an event that is one in every API.
    fileprivate var isError: Bool { count == 5 && JSONString.isEqual(self, 0..<5, false, "error") }
    /// That of a response that failed.
    fileprivate var isFailed: Bool { count == 15 && JSONString.isEqual(self, 0..<15, false, "response.failed") }
}
