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
        if case .model(let id) = endpoint {
            guard let match = room.table.find(id), room.table.access.lists(principal, name: match.name) else {
                return exchange.refuse(
                    GatewayError(
                        .unknownModel, "the model does not exist or you may not use it: \(name(id))",
                        hint: room.table.nearest(id, for: principal).map { "did you mean \($0)?" }))
            }
            return respond(entry(match.model, name: id))
        }
        let models = room.table.listed.filter { room.table.access.lists(principal, name: $0.nameBytes) }
        respond(dialect == .anthropic ? page(models) : list(models))
    }

    private func name(_ id: [UInt8]) -> String { String(decoding: id.prefix(128), as: UTF8.self) }

    private func respond(_ body: [UInt8]) {
        exchange.respond(
            status: 200, fields: [("content-type", "application/json"), ("cache-control", "no-store")], body: body)
    }

    private func list(_ models: [CompiledModel]) -> [UInt8] {
        var body = Array("{\"object\":\"list\",\"data\":[".utf8)
        append(models, to: &body)
        body += Array("]}".utf8)
        return body
    }

    /// One page: catalogues are not so long that a client would want several.
    private func page(_ models: [CompiledModel]) -> [UInt8] {
        var body = Array("{\"data\":[".utf8)
        append(models, to: &body)
        body += Array("],\"has_more\":false,\"first_id\":".utf8)
        append(models.first?.nameBytes, to: &body)
        body += Array(",\"last_id\":".utf8)
        append(models.last?.nameBytes, to: &body)
        body.append(0x7D)
        return body
    }

    private func append(_ models: [CompiledModel], to body: inout [UInt8]) {
        for (index, model) in models.enumerated() {
            if index > 0 { body.append(0x2C) }
            body += entry(model, name: model.nameBytes)
        }
    }

    private func append(_ name: [UInt8]?, to body: inout [UInt8]) {
        guard let name else { return body.append(contentsOf: "null".utf8) }
        JSONWriter.append(string: name.span, to: &body)
    }

    private func entry(_ model: CompiledModel, name: [UInt8]) -> [UInt8] {
        var body = Array((dialect == .anthropic ? "{\"type\":\"model\",\"id\":" : "{\"id\":").utf8)
        JSONWriter.append(string: name.span, to: &body)
        if dialect == .anthropic {
            body += Array(",\"display_name\":".utf8)
            JSONWriter.append(string: name.span, to: &body)
            body += Array(",\"created_at\":\"1970-01-01T00:00:00Z\"}".utf8)
        } else {
            body += Array(",\"object\":\"model\",\"created\":0,\"owned_by\":".utf8)
            JSONWriter.append(string: Array(model.ownedBy.utf8).span, to: &body)
            body.append(0x7D)
        }
        return body
    }
}
