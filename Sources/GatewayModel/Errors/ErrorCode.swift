/// Every error the gateway can name, once. The raw value is stable and documented on one page
/// (`Documentation/Errors.md`); a code is never reused.
///
/// Ranges: `SL-1nnn` configuration, `SL-2nnn` what a client sent, `SL-3nnn` identity and policy,
/// `SL-4nnn` routing and upstreams, `SL-5nnn` the gateway itself, `SL-6nnn` commands.
package enum ErrorCode: String, Sendable, CaseIterable {
    // 1: configuration
    case syntax = "SL-1001"
    case unknownField = "SL-1002"
    case wrongType = "SL-1003"
    case missingField = "SL-1004"
    case invalidValue = "SL-1005"
    case unknownKind = "SL-1006"
    case duplicateObject = "SL-1007"
    case duplicateKey = "SL-1008"
    case danglingReference = "SL-1009"
    case forbiddenReference = "SL-1010"
    case listenerConflict = "SL-1011"
    case notAttached = "SL-1012"
    case unreadableFile = "SL-1013"
    case tooLarge = "SL-1014"
    case unsupportedValue = "SL-1015"
    case invalidCertificate = "SL-1016"
    case conflictingPolicy = "SL-1017"
    case unreachableRule = "SL-1018"
    case readOnlyObject = "SL-1019"
    case missingCredential = "SL-1020"
    case portUnavailable = "SL-1021"
    case emptyConfiguration = "SL-1022"
    // 2: what a client sent
    case malformedRequest = "SL-2001"
    case ambiguousFraming = "SL-2002"
    case headTooLarge = "SL-2003"
    case bodyTooLarge = "SL-2004"
    case targetTooLong = "SL-2005"
    case requestTimeout = "SL-2006"
    case unsupportedVersion = "SL-2007"
    case expectationFailed = "SL-2008"
    case unsupportedTransferCoding = "SL-2009"
    case misdirectedRequest = "SL-2010"
    case methodNotAllowed = "SL-2011"
    case unknownModel = "SL-2012"
    case modelLimitExceeded = "SL-2013"
    case untranslatable = "SL-2015"
    case unsupportedMediaType = "SL-2016"
    case modelIncapable = "SL-2017"
    case unknownTool = "SL-2020"
    // 3: identity and policy
    case unauthenticated = "SL-3001"
    case forbidden = "SL-3002"
    case rateLimited = "SL-3003"
    case concurrencyLimited = "SL-3004"
    case budgetExceeded = "SL-3005"
    case modelNotAllowed = "SL-3006"
    case modelUnpriced = "SL-3007"
    case identityUnavailable = "SL-3010"
    case toolNotAllowed = "SL-3020"
    case approvalRequired = "SL-3021"
    case toolChanged = "SL-3022"
    case connectionRequired = "SL-3023"
    // 4: routing and upstreams
    case noRoute = "SL-4001"
    case noBackend = "SL-4002"
    case invalidBackend = "SL-4003"
    case noHealthyEndpoint = "SL-4004"
    case upstreamConnectFailed = "SL-4005"
    case upstreamReset = "SL-4006"
    case upstreamTimeout = "SL-4007"
    case upstreamProtocolError = "SL-4008"
    case upstreamOverloaded = "SL-4009"
    case retryBudgetExhausted = "SL-4010"
    case circuitOpen = "SL-4011"
    case clientClosed = "SL-4012"
    case credentialUnavailable = "SL-4013"
    // 5: the gateway itself
    case internalFault = "SL-5001"
    case draining = "SL-5002"
    case overloaded = "SL-5003"
    case ledgerUnavailable = "SL-5004"
    case auditUnavailable = "SL-5005"
    // 6: commands and the admin API
    case usage = "SL-6001"
    case unreachable = "SL-6002"
    case denied = "SL-6003"
    case notFound = "SL-6004"
    case conflict = "SL-6005"

    /// The HTTP status a caller sees; 0 where the error never reaches a caller.
    package var httpStatus: Int {
        switch self {
        case .malformedRequest, .ambiguousFraming, .modelLimitExceeded, .untranslatable, .modelIncapable: 400
        case .unauthenticated: 401
        case .forbidden, .denied, .modelNotAllowed, .modelUnpriced, .toolNotAllowed, .approvalRequired, .toolChanged,
            .connectionRequired:
            403
        case .noRoute, .notFound, .unknownModel, .unknownTool: 404
        case .methodNotAllowed: 405
        case .requestTimeout: 408
        case .conflict, .readOnlyObject: 409
        case .bodyTooLarge: 413
        case .targetTooLong: 414
        case .unsupportedMediaType: 415
        case .expectationFailed: 417
        case .misdirectedRequest: 421
        case .headTooLarge: 431
        case .rateLimited, .budgetExceeded: 429
        case .clientClosed: 499
        case .noBackend, .invalidBackend, .internalFault: 500
        case .unsupportedTransferCoding: 501
        case .upstreamConnectFailed, .upstreamReset, .upstreamProtocolError: 502
        case .noHealthyEndpoint, .upstreamOverloaded, .retryBudgetExhausted, .circuitOpen, .draining, .overloaded,
            .concurrencyLimited, .ledgerUnavailable, .credentialUnavailable, .auditUnavailable, .identityUnavailable:
            503
        case .upstreamTimeout: 504
        case .unsupportedVersion: 505
        default: 0
        }
    }
}
