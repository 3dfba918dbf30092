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
    /// The chunk before ended within an event that is still held back.
    private var isHolding = false
    /// The last event was taken out, and so is the rest of its last line end, should it come by itself.
    private var isRemoving = false

    /// `removesUsageChunk`: the client did not ask for the usage (see `UsageRequest`).
    package init(
        _ shape: ReplyShape, removesUsageChunk: Bool = false, eventBytesMax: Int = SSEParser.eventBytesMax
    ) {
        parser = SSEParser(eventBytesMax: eventBytesMax)
        reader = ReplyReader(shape)
        self.removesUsageChunk = removesUsageChunk && shape.hasUsageChunk
    }

    package var facts: ReplyFacts {
        var facts = reader.facts
        facts.oversizedEvents += parser.oversizedEvents
        return facts
    }

    package var hasContent: Bool { reader.facts.hasContent }
    /// Nothing more is expected: the stream has said its last event, or failed.
    package var isAtEnd: Bool { reader.facts.ending != .open }
    package var hasFailed: Bool { reader.facts.ending == .failed }

    /// The next bytes of the stream. With `.copied`, what to send was appended to `out`.
    package mutating func add(_ chunk: Span<UInt8>, into out: inout [UInt8]) -> Forward {
        guard removesUsageChunk else {
            var position = 0
            while true {
                let step = parser.next(chunk, &position)
                if step == .more { return .all }
                if step == .event { _ = readEvent(chunk) }
            }
        }
        return filter(chunk, into: &out)
    }

    /// The stream has ended. What was held back and is to be sent is appended to `out`.
    package mutating func finish(into out: inout [UInt8]) {
        let empty: [UInt8] = []
        let step = parser.finish()
        let isRemoved = step == .event && readEvent(empty.span)
        if isHolding, !isRemoved { out.append(contentsOf: parser.held) }
        isHolding = false
    }

    private mutating func readEvent(_ chunk: Span<UInt8>) -> Bool {
        parser.withEvent(chunk) { _, data in reader.event(data) }
    }

    /// Holds back what is not known to be wanted. As long as only the chunk's own bytes are sent, in one run, nothing
    /// is copied.
    private mutating func filter(_ chunk: Span<UInt8>, into out: inout [UInt8]) -> Forward {
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
            isRemoving = parser.isRestOfLineEnd ? isRemoving : step == .event && readEvent(chunk)
            guard !isRemoving else { continue }
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
