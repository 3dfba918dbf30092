import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayWire

/// What metrics, spans and the access log are told of a call, once.
extension ModelExchange {
    func record() {
        let names = reply.names ?? ModelReply.Names()
        keep(
            ModelCallRecord(
                endpoint.telemetryOperation, provider: served?.provider.vendor ?? "", requestModel: modelText,
                responseModel: names.responseModel.isEmpty ? servedText : names.responseModel,
                responseID: names.responseID, finishReason: names.finishReason))
    }

    /// Handed over, so that it is never copied.
    private func keep(_ call: consuming ModelCallRecord) {
        if fixed == nil, let served { call.slot = served.target.slot(call.operation) }
        call.isStream = request.streams
        call.maxTokens = request.outputTokensMax
        if let account, account.isBilled || cacheMark == .hit {
            call.usage = account.usage
            call.isUsageEstimated = account.isEstimated
            call.cost = account.cost
        }
        call.errorType = failure?.errorType ?? (hasLeft ? .clientClosed : nil)
        call.attempts = totalAttempts
        if !lossLines.isEmpty { call.losses = Array(lossLines.prefix(ModelCallRecord.lossesMax)) }
        call.isFallback = usedFallback || totalAttempts > 1
        call.cache = cacheMark
        call.durationNanoseconds = worker.now &- startedNanoseconds
        if firstTokenNanoseconds > 0 { call.firstTokenNanoseconds = firstTokenNanoseconds &- startedNanoseconds }
        call.overheadNanoseconds = firstAttemptNanoseconds > 0 ? firstAttemptNanoseconds &- startedNanoseconds : 0
        worker.recorder.metrics.recordModelCall(call)
        let note = ModelCallNote(consume call)
        exchange?.record.modelCall = note
    }
}

extension ModelEndpoint {
    var telemetryOperation: GenAIOperation {
        switch self {
        case .chatCompletions, .messages, .responses: .chat
        case .completions: .textCompletion
        case .embeddings: .embeddings
        default: .other
        }
    }
}

extension ModelFailure {
    var errorType: ModelErrorType {
        if let provider { return ModelErrorType(provider.kind) }
        return switch error.code {
        case .budgetExceeded: .budgetExceeded
        case .unknownModel, .notFound: .notFound
        case .modelNotAllowed, .modelUnpriced, .forbidden: .forbidden
        case .malformedRequest, .untranslatable, .modelLimitExceeded, .unsupportedMediaType, .modelIncapable:
            .invalidRequest
        case .bodyTooLarge: .tooLarge
        case .upstreamTimeout: .timedOut
        case .upstreamConnectFailed, .upstreamReset: .connectionFailed
        case .upstreamProtocolError: .malformedReply
        case .upstreamOverloaded: .overloaded
        case .noHealthyEndpoint, .credentialUnavailable, .ledgerUnavailable, .auditUnavailable: .unavailable
        default: .other
        }
    }
}

extension ModelErrorType {
    init(_ kind: ProviderError.Kind) {
        self =
            switch kind {
            case .invalidRequest: .invalidRequest
            case .contextTooLong: .contextTooLong
            case .contentRefused: .contentRefused
            case .tooLarge: .tooLarge
            case .unauthenticated: .unauthenticated
            case .forbidden: .forbidden
            case .notFound: .notFound
            case .rateLimited: .rateLimited
            case .quotaExhausted: .quotaExhausted
            case .overloaded: .overloaded
            case .unavailable: .unavailable
            case .timedOut: .timedOut
            case .serverError: .serverError
            }
    }
}
