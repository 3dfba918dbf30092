import GatewayModel
import GatewayProxy
import GatewayWire

/// What of a caller's query goes to a provider: the parameters that the API has at that path, as its SDKs send them.
/// Policy knows of no others, and some servers take credentials, versions and options from a query.
struct ModelQuery: Equatable {
    /// In the bytes in which they came.
    private(set) var sent: [UInt8] = []
    /// Something was left out.
    private(set) var isCut = false

    init() {}

    init(_ query: [UInt8], of endpoint: ModelEndpoint) {
        guard !query.isEmpty else { return }
        let names = endpoint.queryNames
        for pair in query.split(separator: 0x26) {
            guard ModelQuery.isKnown(pair, names) else {
                isCut = true
                continue
            }
            if !sent.isEmpty { sent.append(0x26) }
            sent.append(contentsOf: pair)
        }
    }

    private static func isKnown(_ pair: ArraySlice<UInt8>, _ names: [String]) -> Bool {
        let parts = pair.split(separator: 0x3D, maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, let name = PercentBytes.decoded(Array(parts[0])) else { return false }
        // Some servers part at a semicolon too.
        guard !pair.contains(0x3B) else { return false }
        let text = String(decoding: name, as: UTF8.self)
        // It says nothing but that the client is a beta's; which one is said in a field.
        if text == ModelEndpoint.betaMark { return names.contains(text) && parts[1].elementsEqual("true".utf8) }
        return names.contains(text) || names.contains(list(text) ?? "")
    }

    /// The name of a list, one of whose elements this is: `include[]`, `include[0]`.
    private static func list(_ name: String) -> String? {
        guard name.hasSuffix("]"), let bracket = name.firstIndex(of: "[") else { return nil }
        let index = name[name.index(after: bracket)...].dropLast()
        return index.utf8.allSatisfy { (0x30...0x39).contains($0) } ? String(name[..<bracket]) : nil
    }
}

extension ModelEndpoint {
    fileprivate static let betaMark = "beta"

    /// What may stand in a query to a provider. Lists of models and of what is kept are made here.
    fileprivate var queryNames: [String] {
        switch self {
        case .messages, .countTokens: [Self.betaMark]
        case .response where isInputItems: ["after", "before", "include", "limit", "order"]
        case .response(_, let rest) where rest.isEmpty: ["include", "include_obfuscation", "starting_after", "stream"]
        default: []
        }
    }
}

extension ModelExchange {
    /// Of what is translated nothing of a query goes on, and what a list is made of is asked for without one.
    func upstreamQuery(_ attempt: ModelAttempt, _ exchange: Exchange) -> ModelQuery {
        guard list == nil, !exchange.request.query.isEmpty, endpoint.isNative(to: attempt.provider.dialect) else {
            return ModelQuery()
        }
        return ModelQuery(exchange.request.fields.copy(exchange.request.query), of: endpoint)
    }
}
