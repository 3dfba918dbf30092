import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayWire

/// `GET /v1/models` and `GET /v1/models/{id}`: what this caller may use, in the shape of the client's dialect.
struct ModelList {
    private let room: ModelRoom
    private let exchange: Exchange
    private let endpoint: ModelEndpoint
    private let dialect: ModelDialect

    init(_ room: ModelRoom, _ exchange: Exchange, _ endpoint: ModelEndpoint) {
        self.room = room
        self.exchange = exchange
        self.endpoint = endpoint
        dialect = endpoint.dialect(of: exchange.request)
    }

    func answer() {
        let principal = exchange.principal
        if case .model(let bytes) = endpoint {
            let id = String(decoding: bytes.prefix(ModelTable.nameBytesMax), as: UTF8.self)
            guard let match = room.table.find(bytes), room.table.access.lists(principal, name: match.name) else {
                return exchange.refuse(
                    GatewayError(
                        .unknownModel, "the model does not exist or you may not use it: \(id)",
                        hint: room.table.nearest(bytes, for: principal).map { "did you mean \($0)?" }))
            }
            return respond(ModelListing([entry(match.model, id: id)]).body(of: id, for: api) ?? [])
        }
        let models = room.table.listed.filter { room.table.access.lists(principal, name: $0.name) }
        respond(ModelListing(models.map { entry($0.model, id: $0.text) }).body(for: api, page: page))
    }

    private var api: ConversationAPI { dialect == .anthropic ? .messages : .chatCompletions }

    /// Catalogues say nothing of when a model was made.
    private func entry(_ model: CompiledModel, id: String) -> ModelListing.Model {
        ModelListing.Model(id: id, displayName: id, createdSeconds: 0, ownedBy: model.ownedBy)
    }

    /// `limit`, `after_id` and `before_id` of Anthropic's clients; anything else is not read.
    private var page: ModelListing.Page {
        var values: [Substring: String] = [:]
        for pair in exchange.request.fields.text(exchange.request.query).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1)
            if parts.count == 2 { values[parts[0]] = String(parts[1]) }
        }
        return ModelListing.Page(
            afterID: values["after_id"], beforeID: values["before_id"], limit: values["limit"].flatMap { Int($0) } ?? 20
        )
    }

    private func respond(_ body: [UInt8]) {
        exchange.respond(
            status: 200, fields: [("content-type", "application/json"), ("cache-control", "no-store")], body: body)
    }
}
