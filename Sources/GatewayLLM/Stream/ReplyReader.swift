import GatewayModel
import GatewayWire

/// Takes facts from one JSON text after the other: the events of a stream, or a reply as a whole.
struct ReplyReader: Sendable {
    let shape: ReplyShape
    var facts = ReplyFacts()
    private var watch: JSONWatch
    private var usage = UsageReader()
    /// How many choices of a stream have said why they stopped.
    private(set) var finishedChoices = 0
    /// The last event of a stream of Responses told of one that failed, or has an error in it.
    private(set) var isResponseWithError = false
    /// An event had something of an answer, or could not be read.
    var hasAnswer = false

    init(_ shape: ReplyShape) {
        self.shape = shape
        watch = JSONWatch(shape.paths)
    }

    // MARK: A reply as a whole

    /// The next piece of a reply that is one JSON text.
    mutating func add(_ bytes: Span<UInt8>) { watch.add(bytes) }

    /// The reply has ended.
    mutating func finishWhole() {
        watch.finish()
        // Every answer of these APIs is an object.
        if watch.isComplete, watch.isObjectText { facts.ending = .complete } else { facts.malformedEvents += 1 }
        if watch.isOverflown { facts.oversizedEvents += 1 }
        take(isStream: false)
    }

    // MARK: Events

    /// Reads the data of one event. Whether it is a chunk that only tells the usage. `isError`: it is named so.
    mutating func event(_ data: Span<UInt8>, isError: Bool = false) -> Bool {
        isResponseWithError = false
        // What is called an error is one, whatever it says.
        defer { if isError { failUntold() } }
        if ReplyReader.isDone(data) {
            // What a failed stream says after its error does not make it whole, and the end of nothing is no answer.
            if !shape.isAnthropic, facts.ending == .open, hasAnswer { facts.ending = .complete }
            return false
        }
        watch.reset()
        watch.add(data)
        watch.finish()
        guard watch.isComplete else {
            facts.malformedEvents += 1
            return false
        }
        if watch.isOverflown { facts.oversizedEvents += 1 }
        take(isStream: true)
        hasAnswer = hasAnswer || !shape.hasUsageChunk || watch.finding(ReplyShape.Chat.choice).count > 0
        return isUsageChunk()
    }

    /// Reads what an event begins with that is too large to be read. It is an error if it says so there.
    mutating func beginning(_ data: Span<UInt8>, isError: Bool) {
        isResponseWithError = false
        watch.reset()
        watch.add(data)
        if isError || beginsError() { failUntold() }
    }

    private mutating func beginsError() -> Bool {
        switch shape {
        case .chatCompletions, .completions, .embeddings: return isError(ReplyShape.Chat.error)
        case .messages: return watch.text(ReplyShape.Messages.type) == "error" || isError(ReplyShape.Messages.error)
        case .responses:
            typealias Responses = ReplyShape.Responses
            let type = watch.text(Responses.type)
            return type == "error" || type == "response.failed" || watch.text(Responses.status) == "failed"
                || isError(Responses.error) || isError(Responses.wholeError)
        }
    }

    /// A stream has ended behind an event. Some servers send no `[DONE]`: one that said why it stopped is whole.
    mutating func finishStream(choices: Int) {
        guard shape.hasUsageChunk, facts.ending == .open, facts.malformedEvents == 0 else { return }
        if finishedChoices >= choices { facts.ending = .complete }
    }

    private static func isDone(_ data: Span<UInt8>) -> Bool {
        let word: StaticString = "[DONE]"
        guard data.count == word.utf8CodeUnitCount else { return false }
        return JSONString.isEqual(data, 0..<data.count, false, word)
    }

    /// `choices` is there and empty, and `usage` is an object: the chunk that `include_usage` adds.
    private mutating func isUsageChunk() -> Bool {
        guard shape.hasUsageChunk else { return false }
        let choices = watch.finding(ReplyShape.Chat.choices)
        let usage = watch.finding(ReplyShape.Chat.usage)
        return choices.count == 1 && choices.lastKind == .array && usage.count == 1 && usage.lastKind == .object
            && watch.finding(ReplyShape.Chat.choice).count == 0
    }

    // MARK: Facts

    private mutating func take(isStream: Bool) {
        switch shape {
        case .chatCompletions, .completions, .embeddings: takeChat()
        case .responses: if isStream { takeResponsesEvent() } else { takeResponse() }
        case .messages: takeMessages(isStream: isStream)
        }
    }

    private mutating func takeChat() {
        typealias Chat = ReplyShape.Chat
        watch.read(Chat.id, into: &facts.responseID)
        watch.read(Chat.model, into: &facts.responseModel)
        watch.read(Chat.finish, into: &facts.finishReason)
        if watch.finding(Chat.finish).lastKind == .string { finishedChoices += watch.finding(Chat.finish).count }
        usage(Chat.usage)
        texts(Chat.texts)
        if shape == .embeddings, facts.usage != nil { facts.hasContent = true }
        error(Chat.error)
    }

    private mutating func takeResponsesEvent() {
        typealias Responses = ReplyShape.Responses
        watch.read(Responses.id, into: &facts.responseID)
        watch.read(Responses.model, into: &facts.responseModel)
        let type = watch.text(Responses.type)
        isResponseWithError = type == "response.failed" || isError(Responses.error)
        if type.hasSuffix(".delta") { texts(Responses.delta..<(Responses.delta + 1)) }
        usage(Responses.usage)
        switch type {
        case "response.completed", "response.incomplete":
            facts.ending = .complete
            watch.read(type == "response.completed" ? Responses.status : Responses.reason, into: &facts.finishReason)
        case "response.failed":
            watch.read(Responses.status, into: &facts.finishReason)
            error(Responses.error)
            failUntold()
        case "error":
            if watch.finding(Responses.wholeError).lastKind == .object {
                error(Responses.wholeError)
            } else {
                fail(ProviderError(type: "", code: watch.text(Responses.code), message: watch.text(Responses.message)))
            }
        // Some servers fail in the words of their other APIs.
        default: error(Responses.wholeError)
        }
    }

    private mutating func takeResponse() {
        typealias Responses = ReplyShape.Responses
        watch.read(Responses.wholeID, into: &facts.responseID)
        watch.read(Responses.wholeModel, into: &facts.responseModel)
        watch.read(Responses.wholeStatus, into: &facts.finishReason)
        watch.read(Responses.wholeReason, into: &facts.finishReason)
        usage(Responses.wholeUsage)
        texts(Responses.texts)
        error(Responses.wholeError)
    }

    private mutating func takeMessages(isStream: Bool) {
        typealias Messages = ReplyShape.Messages
        let type = watch.text(Messages.type)
        let hasMessage = !isStream || type == "message_start"
        if hasMessage {
            watch.read(isStream ? Messages.id : Messages.wholeID, into: &facts.responseID)
            watch.read(isStream ? Messages.model : Messages.wholeModel, into: &facts.responseModel)
        }
        watch.read(isStream ? Messages.stop : Messages.wholeStop, into: &facts.finishReason)
        for path in [Messages.usage, Messages.laterUsage] where watch.finding(path).lastKind == .object {
            if let json = watch.value(path) { take(usage.readAnthropic(json.span)) }
        }
        texts(Messages.texts)
        if type == "content_block_start", watch.value(Messages.blockType) != nil {
            facts.hasContent = facts.hasContent || watch.text(Messages.blockType) != "text"
        }
        if type == "message_stop", facts.ending == .open { facts.ending = .complete }
        error(Messages.error)
        if type == "error" { failUntold() }
    }

    private mutating func usage(_ path: Int) {
        guard watch.finding(path).lastKind == .object, let json = watch.value(path) else { return }
        take(UsageReader.readOpenAI(json.span))
    }

    private mutating func take(_ reading: UsageReader.Reading) {
        switch reading {
        case .none: break
        case .absurd: facts.isUsageAbsurd = true
        case .counts(let usage): facts.usage = usage
        }
    }

    /// Counts the strings at these paths as output.
    private mutating func texts(_ paths: Range<Int>) {
        for path in paths {
            let bytes = watch.finding(path).stringBytes
            guard bytes > 0 else { continue }
            facts.outputTextBytes += bytes
            facts.hasContent = true
        }
    }

    private mutating func error(_ path: Int) {
        guard isError(path) else { return }
        // One that is too large to be kept is one all the same.
        guard let json = watch.value(path) else { return failUntold() }
        fail(ProviderError(errorValue: json.span))
    }

    /// Whether an error is told at a path. Some servers write an empty text for none.
    private mutating func isError(_ path: Int) -> Bool {
        let finding = watch.finding(path)
        return finding.lastKind == .object || finding.lastKind == .string && finding.stringBytes > 0
    }

    /// It failed, and has not said why.
    mutating func failUntold() {
        fail(ProviderError(type: "", code: "", message: ""))
    }

    private mutating func fail(_ error: ProviderError) {
        facts.ending = .failed
        guard facts.error == nil else { return }
        facts.error = error
        facts.isErrorAfterContent = facts.hasContent
    }
}

extension JSONWatch {
    /// Takes the kept string at a path, if there is one.
    fileprivate mutating func read(_ path: Int, into fact: inout String) {
        // Most events repeat what is known: compare before making a text.
        guard finding(path).count > 0, !isWritten(path, fact) else { return }
        let new = text(path)
        if !new.isEmpty { fact = new }
    }

    /// The kept string at a path, empty if it is none.
    fileprivate mutating func text(_ path: Int) -> String { text(path, bytesMax: ReplyFacts.nameBytesMax) }
}
