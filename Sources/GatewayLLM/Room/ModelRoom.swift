package import GatewayModel
import GatewayPolicy
package import GatewayProxy
import GatewayRecords
package import GatewayState
import GatewayWire

/// The room of models: one front door for clients of either dialect. It takes a request over after *admit* of the
/// connection's own limits, and runs *decide*, *admit*, *handle* and *settle* of the model call itself, because all of
/// them look at the body. One for each route and snapshot.
package final class ModelRoom: RouteHandler {
    let table: ModelTable
    var budgets: ModelBudgets { table.budgets }
    let services: ModelServices
    /// As the table's models.
    private let routed: [RoutedModel]
    /// Each provider with each of its credentials, once.
    let places: [FixedPlace]

    package init(table: ModelTable, services: ModelServices) {
        self.table = table
        self.services = services
        routed = table.models.map { RoutedModel($0, live: services.live, slot: services.slot) }
        var seen: Set<String> = []
        places = routed.flatMap(\.targets).flatMap { target in
            target.accesses.map { FixedPlace(target: target, access: $0) }
        }.filter { seen.insert($0.name).inserted }
    }

    func routed(_ match: ModelTable.Match) -> RoutedModel { routed[match.index] }

    package func handle(_ exchange: Exchange) {
        guard let endpoint = ModelEndpoint(exchange) else {
            let path = exchange.request.fields.copy(exchange.request.path)
            return exchange.refuse(
                GatewayError(
                    .noRoute, "there is no such model API: \(String(decoding: path.prefix(128), as: UTF8.self))",
                    hint: "such as /v1/chat/completions, /v1/responses, /v1/messages and /v1/models"))
        }
        guard endpoint.accepts(exchange.request.method) else {
            return exchange.refuse(
                GatewayError(
                    .methodNotAllowed,
                    "the method is not one of this API: \(exchange.request.fields.text(exchange.request.methodName))"))
        }
        guard exchange.principal.proof != .none else {
            return exchange.refuse(
                GatewayError(
                    .unauthenticated, "a key is needed and none was shown",
                    hint: "send it as 'authorization: Bearer …' or as x-api-key; 'sluice key create' makes one"))
        }
        switch endpoint {
        case .models, .model: ModelList(self, exchange, endpoint).answer()
        default:
            do throws(GatewayError) {
                exchange.receiveBody(into: try ModelExchange(self, exchange, endpoint))
            } catch { exchange.refuse(error) }
        }
    }

    package func errorBody(_ error: GatewayError, of exchange: Exchange) -> [UInt8]? {
        let endpoint = ModelEndpoint(path: exchange.request.fields.copy(exchange.request.path))
        let dialect = endpoint?.dialect(of: exchange.request) ?? .openai
        let rendering = ModelFailure(error).rendering(requestID: RequestID.text(exchange.record.requestID))
        exchange.response.status = rendering.status
        for (name, value) in rendering.fields { exchange.response.fields.append(name, value) }
        exchange.response.fields.append(dialect.requestIDLabel, rendering.requestID)
        if error.code == .unsupportedMediaType {
            exchange.response.fields.append("accept-encoding", BodyDecoder.accepted)
        }
        return rendering.body(for: endpoint?.shape ?? (dialect == .anthropic ? .messages : .chatCompletions))
    }
}

/// A request's id as logs, headers and errors write it.
enum RequestID {
    static func text(_ id: (UInt64, UInt64)) -> String { Hexadecimal.text([id.0, id.1]) }
}

/// A provider by one of its credentials.
struct FixedPlace: Sendable {
    let target: RoutedTarget
    let access: RoutedTarget.Access

    var name: String { "\(target.target.provider.name) \(access.credential?.name ?? "")" }
}

/// What all rooms of models of one gateway share, over reloads.
package final class ModelServices: Sendable {
    package let ledger: Ledger
    package let live = LiveTargets()
    package let origins: ResponseOrigin
    package let slot: ModelSlot
    let spill: SpillFolder
    let cache = ReplyCache()
    /// What providers keep for callers.
    let objects: ProviderObjectBook
    let batches = OpenBatches()
    /// Up to this size nothing of a form goes to a provider before all of it has been read.
    package static let formHeldBytesMax = 64 * 1024 * 1024
    let formHeldBytesMax: Int

    /// `spill` takes bodies that are too large for memory.
    package init(
        ledger: Ledger, origins: ResponseOrigin, objects: ProviderObjectBook, spill: SpillFolder,
        formHeldBytesMax: Int = ModelServices.formHeldBytesMax, slot: @escaping ModelSlot
    ) {
        self.ledger = ledger
        self.origins = origins
        self.objects = objects
        self.formHeldBytesMax = formHeldBytesMax
        self.spill = spill
        self.slot = slot
    }
}
