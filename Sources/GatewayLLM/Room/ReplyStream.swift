import GatewayModel
import GatewayWire
import NIOCore

/// An answer that is a stream of events: passed on as it comes and metered, or translated event by event.
final class ReplyStream {
    let type: [UInt8]
    private var meter: StreamMeter?
    private var parser = SSEParser()
    private var translator: StreamTranslator?
    private var marks: ResponseMarks?
    /// Not sent yet.
    private var held: [ByteBuffer] = []
    private(set) var heldBytes = 0
    private(set) var translatedFault: ProviderError?
    private(set) var error: GatewayError?
    private var hasEnded = false
    /// All that was sent, while it may be given again.
    private(set) var kept: ByteBuffer?
    private let keepsBytesMax: Int

    init(
        _ shape: ReplyShape?, _ translation: Translation?, hidesUsage: Bool, choices: Int, marks: ResponseMarks?,
        keepsBytesMax: Int, type: [UInt8]
    ) {
        self.type = type
        self.keepsBytesMax = keepsBytesMax
        kept = keepsBytesMax > 0 ? ByteBuffer() : nil
        self.marks = marks
        if let translation {
            translator = translation.translator.makeStream(for: translation.request)
            // Counts what the provider says in its own API.
            meter = StreamMeter(translation.shape)
        } else {
            meter = shape.map {
                StreamMeter($0, removesUsageChunk: hidesUsage, withholdsErrors: true, choices: choices)
            }
        }
    }

    func receive(_ chunk: ByteBuffer) {
        if translator != nil {
            var unused: [UInt8] = []
            _ = meter?.add(chunk.readableBytesUInt8Span, into: &unused)
            return translate(chunk)
        }
        guard let chunk = metered(chunk), let marked = marks == nil ? chunk : marks?.receive(chunk) else { return }
        hold(marked)
    }

    /// What of a chunk goes on, once it is counted.
    private func metered(_ chunk: ByteBuffer) -> ByteBuffer? {
        var out: [UInt8] = []
        switch meter?.add(chunk.readableBytesUInt8Span, into: &out) {
        case .part(let range):
            return range.isEmpty
                ? nil : chunk.getSlice(at: chunk.readerIndex + range.lowerBound, length: range.count)
        case .copied: return out.isEmpty ? nil : ByteBuffer(bytes: out)
        case .all, nil: return chunk
        }
    }

    /// The stream has ended, properly or not.
    func receiveEnd() {
        guard !hasEnded else { return }
        hasEnded = true
        var out: [UInt8] = []
        if translator != nil {
            let empty: [UInt8] = []
            if parser.finish() == .event { step(empty.span, into: &out) }
            if error == nil, translatedFault == nil {
                do throws(GatewayError) { try translator?.end(into: &out) } catch { self.error = error }
            }
        } else {
            meter?.finish(into: &out)
            if let marked = marks?.receive(ByteBuffer(bytes: out)) { hold(marked) }
            if marks != nil { out = [] }
            let rest = marks?.finish()
            // A last event that ended early would be read as a whole one.
            if isComplete, let rest { hold(rest) }
        }
        if !out.isEmpty { hold(ByteBuffer(bytes: out)) }
    }

    private func hold(_ chunk: ByteBuffer) {
        held.append(chunk)
        heldBytes += chunk.readableBytes
        guard let count = kept?.readableBytes else { return }
        if count + chunk.readableBytes > keepsBytesMax {
            kept = nil
        } else {
            kept?.writeImmutableBuffer(chunk)
        }
    }

    /// What is there to send, in order.
    func take() -> [ByteBuffer] {
        let taken = held
        held.removeAll(keepingCapacity: true)
        heldBytes = 0
        return taken
    }

    // MARK: Translating

    private func translate(_ chunk: ByteBuffer) {
        var out: [UInt8] = []
        var position = 0
        let span = chunk.readableBytesUInt8Span
        loop: while error == nil, translatedFault == nil {
            switch parser.next(span, &position) {
            case .more: break loop
            case .event: step(span, into: &out)
            case .filler: break
            case .oversized: error = GatewayError(.upstreamProtocolError, "an event of the provider is too large")
            }
        }
        guard !out.isEmpty else { return }
        hold(ByteBuffer(bytes: out))
    }

    private func step(_ chunk: Span<UInt8>, into out: inout [UInt8]) {
        guard var current = translator else { return }
        translator = nil
        var fault: ProviderError?
        var failure: GatewayError?
        var written: [UInt8] = []
        parser.withEvent(chunk) { name, data in
            do throws(GatewayError) {
                if case .fault(let found) = try current.receive(event: name, data: data, into: &written) {
                    fault = found
                }
            } catch { failure = error }
        }
        out.append(contentsOf: written)
        translator = current
        translatedFault = fault
        error = failure
    }

    // MARK: What it has told

    var losses: TranslationLosses { translator?.losses ?? TranslationLosses() }
    var facts: ReplyFacts? { meter?.facts }
    var isTranslated: Bool { translator != nil }
    var hasContent: Bool { translator?.hasContent ?? meter?.hasContent ?? true }
    var isComplete: Bool {
        if let translator { return translator.isComplete }
        return meter?.isComplete ?? hasEnded
    }
    var usage: TokenUsage? { meter?.usage }
    /// The provider has said why it stopped.
    var hasFinished: Bool { meter?.hasFinished ?? false }
    /// For an estimate where no usage was told.
    var outputBytes: Int { meter?.outputTextBytes ?? 0 }

    /// The client is told of the error by what goes on of the stream: a response that failed.
    var hasToldFailure: Bool { translator == nil && meter?.hasToldFailure ?? false }
    /// The client has not been told of the error.
    var hasWithheldFault: Bool { translator == nil && meter?.hasWithheldError ?? false }

    /// An error that the provider told in the stream.
    var fault: ModelFailure? {
        if let translatedFault { return ModelFailure(translatedFault) }
        return translator == nil ? meter?.error.map { ModelFailure($0) } : nil
    }
}
