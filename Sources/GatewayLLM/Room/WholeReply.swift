import GatewayModel
import GatewayWire
import NIOCore

/// An answer that is one document. It is held until it is whole, so that its price can be said in its head; what is too
/// large for that passes through as it comes.
final class WholeReply {
    static let heldBytesMax = 1024 * 1024
    /// A translation needs all of it.
    static let translatedBytesMax = 32 * 1024 * 1024

    let status: Int
    let type: [UInt8]
    private let translation: Translation?
    private let edit: Edit?
    /// It is about a stored response. That one failed is an answer to who asks for it.
    private let isStored: Bool
    private var meter: ReplyReader?
    private var held = ByteBuffer()
    private(set) var bytes = 0
    private(set) var isComplete = false
    private var translated: TranslatedReply?
    private var isTooLarge = false

    /// What is changed of a document in the provider's own words; throws for one that cannot be used.
    typealias Edit = (ByteBuffer) throws(GatewayError) -> ByteBuffer

    init(
        _ shape: ReplyShape?, _ translation: Translation?, edit: Edit?, isBilled: Bool, isStored: Bool = false,
        status: Int, type: [UInt8]
    ) {
        self.isStored = isStored
        self.edit = edit
        self.status = status
        self.type = type
        self.translation = translation
        // Sounds and files have no usage to read; the answers of models have, whatever they call themselves.
        let isRead = isBilled || type.starts(with: "application/json".utf8)
        // What is translated is counted by what its provider says in its own API, as if it were passed on.
        meter = isRead || translation != nil ? (translation?.shape ?? shape).map { ReplyReader($0) } : nil
    }

    func receive(_ chunk: ByteBuffer) {
        bytes += chunk.readableBytes
        meter?.add(chunk.readableBytesUInt8Span)
        if translation != nil || edit != nil || isStored, bytes > WholeReply.translatedBytesMax {
            isTooLarge = true
            return
        }
        if held.readableBytes == 0 {
            held = chunk
        } else {
            var chunk = chunk
            held.writeBuffer(&chunk)
        }
    }

    /// Whether it is too long to wait for its end.
    var mustPass: Bool {
        translation == nil && edit == nil && !isStored && (bytes > WholeReply.heldBytesMax || meter == nil)
    }

    var heldBytes: Int { held.readableBytes }

    /// What is there to send.
    func take() -> ByteBuffer? {
        guard held.readableBytes > 0 else { return nil }
        let taken = held
        held = ByteBuffer()
        return taken
    }

    /// The document has ended; why it cannot be used, if it cannot.
    func finish() -> ModelFailure? {
        meter?.finishWhole()
        if isTooLarge {
            return ModelFailure(
                upstream: GatewayError(.upstreamProtocolError, "the provider's answer is too large to be read"))
        }
        var isFailedResponse = false
        if meter?.facts.hasError == true, let error = meter?.facts.error {
            let document = held
            guard isStored, let told = FailedResponse.document(document.readableBytesUInt8Span) else {
                return ModelFailure(error)
            }
            held = ByteBuffer(bytes: told)
            isFailedResponse = true
        }
        guard let translation else {
            if let edit {
                do throws(GatewayError) { held = try edit(held) } catch { return ModelFailure(upstream: error) }
            }
            // A text that broke off, or is none, is not passed on as an answer.
            isComplete = isFailedResponse || meter?.facts.ending ?? .complete == .complete
            return isComplete ? nil : .upstream(.upstreamProtocolError)
        }
        do throws(GatewayError) {
            let document = held
            let reply = try translation.translator.reply(document.readableBytesUInt8Span, to: translation.request)
            held = ByteBuffer(bytes: reply.body)
            translated = reply
            isComplete = true
            return nil
        } catch {
            return ModelFailure(upstream: error)
        }
    }

    var facts: ReplyFacts? { meter?.facts }
    // One by one: all of them together are many to copy.
    var names: ModelReply.Names? {
        meter == nil
            ? nil
            : ModelReply.Names(
                responseID: meter?.facts.responseID ?? "", responseModel: meter?.facts.responseModel ?? "",
                finishReason: meter?.facts.finishReason ?? "")
    }
    /// All of it has come and could be read, whether or not it could be translated.
    var isRead: Bool { isComplete || meter?.facts.ending == .complete }
    var failedUnseen: Bool { meter?.facts.hasError == true && meter?.facts.hasContent == false }
    /// All of it; nil once some has passed.
    var all: ByteBuffer? { mustPass ? nil : held }
    var usage: TokenUsage? { meter?.facts.isUsageAbsurd == false ? meter?.facts.usage : nil }
    var outputBytes: Int { meter?.facts.outputTextBytes ?? bytes }
    var losses: TranslationLosses { translated?.losses ?? TranslationLosses() }
}

/// What a request and its reply need where client and provider speak different APIs.
final class Translation {
    let translator: Translator
    let request: TranslatedRequest

    init(translator: Translator, request: TranslatedRequest) {
        self.translator = translator
        self.request = request
    }

    /// The form of the provider's replies.
    var shape: ReplyShape { translator.provider == .messages ? .messages : .chatCompletions }
}
