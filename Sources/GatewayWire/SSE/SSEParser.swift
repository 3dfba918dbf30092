/// Finds the events of a stream of server-sent events (WHATWG HTML, section 9.2) in chunks cut at any byte, and says
/// which bytes each one is, so that who forwards the stream can forward them as they came.
///
/// An event that lies in one chunk is read there, without a copy; the beginning of one that does not is held until its
/// end comes. The steps of a chunk, in order, cover each of its bytes once.
package struct SSEParser: Sendable {
    package enum Step: Sendable, Equatable {
        /// The chunk is used up. What is left of it was the beginning of an event, and is held.
        case more
        /// An event with data: `withEvent` reads it.
        case event
        /// Comments, blank lines, and events without data, which no reader of the stream ever sees.
        case filler
        /// The bytes, or some of the bytes, of an event above the limit, which is not read.
        case oversized
    }

    package static let eventBytesMax = 4 * 1024 * 1024

    private let eventBytesMax: Int
    /// Where in the chunk the last step's bytes are, behind those of `held`.
    package private(set) var extent: Range<Int> = 0..<0
    /// The bytes of the last step that came in earlier chunks; once the whole event is here, all of its bytes.
    package private(set) var held: [UInt8] = []
    /// How many bytes of the last step came in earlier chunks.
    package private(set) var heldCount = 0
    /// The stream ended within the event.
    package private(set) var isUnterminated = false
    package private(set) var oversizedEvents = 0
    /// The last step is only the LF of a CRLF that ended the step before it.
    package private(set) var isRestOfLineEnd = false
    /// The last `id` of the stream.
    package var lastID: [UInt8] { block.lastID }
    /// The last `retry` of the stream.
    package var retryMilliseconds: Int? { block.retryMilliseconds }

    // Where the scan stands between two bytes.
    private var isAtLineStart = true
    private var isComment = false
    private var hasFields = false
    /// The last byte was a CR; a LF that follows belongs to it.
    private var followsCR = false
    private var isOversized = false
    private var isTaken = false
    private var block = SSEBlock()

    package init(eventBytesMax: Int = SSEParser.eventBytesMax) { self.eventBytesMax = max(1, eventBytesMax) }

    /// The next step in `chunk` from `position` on, which moves behind it. Called until it says `more`.
    package mutating func next(_ chunk: Span<UInt8>, _ position: inout Int) -> Step {
        forgetTaken()
        let start = position
        let end = scan(chunk, start)
        position = end ?? chunk.count
        extent = start..<position
        heldCount = held.count
        if let end { return endBlock(chunk, start..<end) }
        guard !extent.isEmpty else { return .more }
        if isInFiller {
            isTaken = true
            return .filler
        }
        if isOversized || held.count + extent.count > eventBytesMax {
            if !isOversized { oversizedEvents += 1 }
            isOversized = true
            isTaken = true
            return .oversized
        }
        HTTP1Serializer.append(chunk.extracting(extent), to: &held)
        return .more
    }

    /// The stream has ended: an event without its blank line is one all the same, since nothing else will come.
    package mutating func finish() -> Step {
        forgetTaken()
        extent = 0..<0
        heldCount = held.count
        isUnterminated = true
        isTaken = true
        guard !held.isEmpty, !isOversized else { return .more }
        let bytes = held
        block.read(bytes.span)
        return block.hasData ? .event : .filler
    }

    /// Reads the last step's event: its name, empty for `message`, and its data, lines joined by LF.
    package func withEvent<Result>(
        _ chunk: Span<UInt8>, _ body: (_ name: Span<UInt8>, _ data: Span<UInt8>) -> Result
    ) -> Result {
        if held.isEmpty {
            return block.with(chunk.extracting(extent), body)
        }
        return block.with(held.span, body)
    }

    private mutating func forgetTaken() {
        guard isTaken else { return }
        isTaken = false
        // An idle stream keeps no large buffer.
        if !held.isEmpty { held.removeAll(keepingCapacity: held.capacity <= 16 * 1024) }
        block.forgetLarge()
    }

    /// In a comment, or between two lines, with no field before: nothing of it need be held.
    private var isInFiller: Bool { !hasFields && (isAtLineStart || isComment) }

    /// Where the block at `start` ends, if it does in this chunk, or a comment or a line feed before one.
    private mutating func scan(_ chunk: Span<UInt8>, _ start: Int) -> Int? {
        var index = start
        isRestOfLineEnd = false
        if followsCR, index < chunk.count {
            followsCR = false
            if chunk[index] == Byte.lineFeed { index &+= 1 }
            isRestOfLineEnd = index > start && isAtLineStart && !hasFields
            if isRestOfLineEnd { return index }
        }
        while index < chunk.count {
            if isAtLineStart {
                let byte = chunk[index]
                if byte == Byte.lineFeed || byte == Byte.carriageReturn { return lineEnd(chunk, index) }
                isAtLineStart = false
                isComment = byte == Byte.colon
            }
            index = Scan.lineEnd(chunk, from: index)
            guard index < chunk.count else { return nil }
            index = lineEnd(chunk, index)
            isAtLineStart = true
            if !isComment {
                hasFields = true
            } else if !hasFields, !isOversized {
                return index
            }
        }
        return nil
    }

    /// Behind the line end at `index`.
    private mutating func lineEnd(_ chunk: Span<UInt8>, _ index: Int) -> Int {
        guard chunk[index] == Byte.carriageReturn else { return index &+ 1 }
        guard index &+ 1 < chunk.count else {
            followsCR = true
            return index &+ 1
        }
        return chunk[index &+ 1] == Byte.lineFeed ? index &+ 2 : index &+ 1
    }

    /// A block, or what may stand before one, has ended.
    private mutating func endBlock(_ chunk: Span<UInt8>, _ range: Range<Int>) -> Step {
        let isEvent = hasFields
        hasFields = false
        isAtLineStart = true
        isTaken = true
        guard isEvent else {
            block.isAtStreamStart = false
            return .filler
        }
        // The LF of a CRLF at the end may come after the event, so it never counts.
        let last = range.upperBound - 1
        let isCRLF = range.count > 1 && chunk[last] == Byte.lineFeed && chunk[last - 1] == Byte.carriageReturn
        if isOversized || held.count + range.count - (isCRLF ? 1 : 0) > eventBytesMax {
            if !isOversized { oversizedEvents += 1 }
            isOversized = false
            block.isAtStreamStart = false
            return .oversized
        }
        if !held.isEmpty { HTTP1Serializer.append(chunk.extracting(range), to: &held) }
        if held.isEmpty {
            block.read(chunk.extracting(range))
        } else {
            let bytes = held
            block.read(bytes.span)
        }
        return block.hasData ? .event : .filler
    }
}
