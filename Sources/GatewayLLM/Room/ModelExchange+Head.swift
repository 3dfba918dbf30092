import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayState
import GatewayWire
import NIOCore

/// The heads of answers. Fields of a provider stay behind: its cookies, its organisation and its limits are not the
/// caller's business.
extension ModelExchange {
    /// Begins a streamed answer.
    func sendHead(_ exchange: Exchange, status: Int, type: [UInt8]) {
        isHeadSent = true
        lastSentNanoseconds = worker.now
        exchange.response.reset()
        exchange.response.status = status
        exchange.response.fields.append(.contentType, type)
        if request.streams { exchange.response.fields.append(.cacheControl, ModelExchange.noCache) }
        mark(&exchange.response.fields)
        exchange.sendHead(framing: .chunked)
    }

    /// Sends a whole answer.
    func respond(_ exchange: Exchange, status: Int, type: [UInt8], body: ByteBuffer) {
        self.exchange = nil
        exchange.response.reset()
        exchange.response.status = status
        exchange.response.fields.append(.contentType, type)
        mark(&exchange.response.fields)
        exchange.respond(body: body)
    }

    private static let noCache = Array("no-cache".utf8)

    private enum Label {
        static let model = FieldLabel("x-sluice-model")
        static let provider = FieldLabel("x-sluice-provider")
        static let attempts = FieldLabel("x-sluice-attempts")
        static let cost = FieldLabel("x-sluice-cost")
    }

    /// Who served it, at what cost, and how the tightest budget stands.
    func mark(_ fields: inout FieldBlock) {
        fields.append(dialect.requestIDLabel, requestID)
        if let name = (served?.model ?? (usedFallback ? nil : match))?.name { fields.append(Label.model, name.span) }
        if let served { fields.append(Label.provider, served.provider.shownName) }
        if totalAttempts > 0 {
            fields.append(Label.attempts, bytesMax: 20) { $0.append(decimal: UInt64(totalAttempts)) }
        }
        if let account, isSettled { account.cost.withText { fields.append(Label.cost, $0) } }
        if cacheMark != .none { fields.append("x-sluice-cache", cacheMark == .hit ? "hit" : "miss") }
        if !losses.isEmpty { fields.append("x-sluice-lost", losses.joined(separator: ",")) }
        if let standing = account?.tightest ?? failure?.standing.map({ BudgetFields.Standing($0) }) {
            BudgetFields.append(standing, dialect, nowMilliseconds: nowMilliseconds, to: &fields)
        }
    }

    /// The row of the call, as its settlement leaves it.
    func fill(_ row: inout UsageRow, _ account: CallAccount) {
        row.route = route
        row.provider = served?.provider.shownName ?? ""
        row.providerModel = servedText
        row.operation = endpoint.operation?.rawValue ?? ""
        row.usage = account.usage
        row.cost = account.cost
        row.outcome = rowOutcome
        row.status = isHeadSent || failure == nil ? 200 : failure?.rendering(requestID: requestID).status ?? 0
        if account.isEstimated { row.flags.insert(.estimated) }
        if cacheMark == .hit { row.flags.insert(.cacheHit) }
        if request.streams { row.flags.insert(.streamed) }
        row.attempts = totalAttempts
        row.durationMilliseconds = Int((worker.now &- startedNanoseconds) / 1_000_000)
        if firstTokenNanoseconds > 0 {
            row.firstTokenMilliseconds = Int((firstTokenNanoseconds &- startedNanoseconds) / 1_000_000)
        }
    }

    /// The name of the model that policies and budgets count by.
    var modelText: String { match?.text ?? "" }

    /// The name it has at the provider that served it.
    var servedText: String {
        guard let served else { return "" }
        return served.target.target.fixedName?.text ?? String(decoding: served.name, as: UTF8.self)
    }

    private var rowOutcome: UsageRow.Outcome {
        if let failure {
            return switch failure.error.code {
            case .upstreamTimeout: .timedOut
            case .budgetExceeded: .cut
            default: .failed
            }
        }
        return hasLeft ? .clientClosed : .completed
    }
}

extension ModelDialect {
    /// The name under which its SDKs report a request's id.
    var requestIDLabel: FieldLabel { self == .anthropic ? Self.anthropicID : Self.openAIID }

    private static let anthropicID = FieldLabel("request-id")
    private static let openAIID = FieldLabel("x-request-id")
}
