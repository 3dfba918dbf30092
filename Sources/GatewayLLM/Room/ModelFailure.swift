import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayWire

/// Why a call has no (whole) answer, as its client will be told.
struct ModelFailure: Error {
    var error: GatewayError
    /// A provider's own words for it, when the cause is one.
    var provider: ProviderError?
    /// Why another attempt could do better; nil for what every provider would refuse.
    var cause: ModelRetry.Cause?
    var retryAfterNanoseconds: UInt64?
    /// How the budget stands that is spent.
    var standing: BudgetStanding?

    /// The gateway's own no.
    init(_ error: GatewayError) { self.error = error }

    /// The way to the provider failed.
    init(upstream error: GatewayError) {
        self.error = error
        cause = ModelRetry.Cause(error.code)
    }

    /// What a provider said. Its quota is the operator's and not the caller's: only the delay is passed on.
    init(_ provider: ProviderError) {
        self.provider = provider
        error = GatewayError(provider.kind.code, provider.message)
        cause = provider.kind.cause
    }

    /// A provider failed in a way that has no words of its own.
    static func upstream(_ code: ErrorCode) -> ModelFailure {
        let message =
            switch code {
            case .upstreamTimeout: "the provider did not answer in time"
            case .upstreamProtocolError: "the provider's answer makes no sense"
            default: "the provider broke off its answer"
            }
        return ModelFailure(upstream: GatewayError(code, message))
    }

    func rendering(requestID: String) -> ErrorRendering {
        let seconds = retryAfterNanoseconds.map { Int(($0 + 999_999_999) / 1_000_000_000) }
        if let provider {
            return ErrorRendering(provider, requestID: requestID, retryAfterSeconds: seconds)
        }
        let kind: ErrorRendering.Kind? =
            switch error.code {
            case .budgetExceeded: .budgetExceeded
            case .unknownModel: .modelNotFound
            default: nil
            }
        return ErrorRendering(error, kind: kind, requestID: requestID, retryAfterSeconds: seconds)
    }
}

extension ErrorRendering {
    /// The fields of an answer with this error.
    var fields: [(String, String)] {
        var fields = [("content-type", "application/json"), ("cache-control", "no-store")]
        if let retryAfterSeconds { fields.append(("retry-after", String(max(1, retryAfterSeconds)))) }
        return fields
    }
}

extension ProviderError.Kind {
    /// For records.
    var code: ErrorCode {
        switch self {
        case .invalidRequest, .contextTooLong, .contentRefused, .tooLarge: .malformedRequest
        case .notFound: .unknownModel
        case .unauthenticated, .forbidden: .credentialUnavailable
        case .rateLimited, .quotaExhausted: .rateLimited
        case .timedOut: .upstreamTimeout
        case .overloaded, .unavailable: .upstreamOverloaded
        case .serverError: .upstreamProtocolError
        }
    }

    /// Another credential or provider may be let in, and a model that is not here may be there.
    var cause: ModelRetry.Cause? {
        switch self {
        case .rateLimited, .quotaExhausted: .rateLimited
        case .overloaded, .unavailable: .overloaded
        case .timedOut: .timeout
        case .serverError, .unauthenticated, .forbidden, .notFound: .serverError
        case .invalidRequest, .contextTooLong, .contentRefused, .tooLarge: nil
        }
    }
}

extension ModelRetry.Cause {
    init(_ code: ErrorCode) {
        self =
            switch code {
            case .upstreamConnectFailed, .noHealthyEndpoint, .circuitOpen: .connect
            case .upstreamTimeout: .timeout
            case .upstreamOverloaded: .overloaded
            case .upstreamProtocolError: .serverError
            default: .reset
            }
    }
}

/// When a provider wants to be asked again.
enum RetryAfter {
    private static let milliseconds = Array("retry-after-ms".utf8)

    /// `retry-after-ms`, or `retry-after` in seconds; a date is not followed.
    static func nanoseconds(_ head: borrowing ResponseHead) -> UInt64? {
        if let index = head.fields.firstIndex(named: milliseconds),
            let value = number(head.fields.copy(head.fields.entries[index].value))
        {
            return UInt64(value * 1_000_000)
        }
        guard let entry = head.fields.first(.retryAfter),
            let value = number(head.fields.copy(entry.value))
        else { return nil }
        return UInt64(value * 1_000_000_000)
    }

    /// A number of at most a day, in seconds or milliseconds; fractions are allowed, as vendors send them.
    private static func number(_ text: [UInt8]) -> Double? {
        guard text.count <= 16, let value = Double(String(decoding: text, as: UTF8.self)), value.isFinite, value >= 0
        else { return nil }
        return min(value, 86_400_000)
    }
}
