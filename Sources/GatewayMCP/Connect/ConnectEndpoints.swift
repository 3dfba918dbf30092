import GatewayIdentity
package import GatewayModel
import GatewayPolicy
import GatewayState
import GatewayWire

/// What users see of connections: an API for whoever shows a credential, and the two pages that a browser comes by.
package struct ConnectEndpoints: Sendable {
    /// Everything is below these, or is one of them.
    package static let prefixes = ["/oauth/connect", "/oauth/connections"]
    package static let bodyBytesMax = 16 * 1024

    package struct Request: Sendable {
        package var method: String
        package var path: String
        package var query: String
        package var body: [UInt8]
        /// `Authorization`, or what stands for it.
        package var authorization: String?
        /// What page a browser sends it from.
        package var origin: String?
        /// Of all lines of `Cookie`.
        package var cookies: String

        package init(
            method: String, path: String, query: String, body: [UInt8], authorization: String? = nil,
            origin: String? = nil, cookies: String = ""
        ) {
            self.method = method
            self.path = path
            self.query = query
            self.body = body
            self.authorization = authorization
            self.origin = origin
            self.cookies = cookies
        }
    }

    package struct Response: Sendable {
        package var status: Int
        package var fields: [(name: String, value: String)]
        package var body: [UInt8]
        /// What the audit log is told.
        package var event: Event?
    }

    /// A connection was made or removed, or could not be.
    package struct Event: Sendable {
        package var operation: String
        package var server: String
        package var principal: Principal
        package var issuer: String?
        package var scopes: [String] = []
        package var error: GatewayError?
    }

    let connections: Connections
    private let catalog: ToolCatalog

    package init(_ connections: Connections, _ catalog: ToolCatalog) {
        self.connections = connections
        self.catalog = catalog
    }

    /// Who shows a credential, as it stands in `Authorization`; throws why nobody does.
    package typealias Identify = (_ authorization: String?) async throws(GatewayError) -> Principal

    package func respond(_ request: Request, caller: Identify) async -> Response {
        switch (request.method, request.path) {
        case ("GET", Connections.documentPath):
            return Response(
                status: 200,
                fields: [("content-type", "application/json"), ("cache-control", "public, max-age=3600")],
                body: connections.document)
        case ("GET", Connections.startPath): return start(request)
        case ("POST", Connections.startPath): return await enter(request, caller)
        case ("GET", Connections.callbackPath): return await callback(request)
        default: break
        }
        var principal: Principal?
        do {
            let known = try await caller(request.authorization)
            principal = known
            return try await serve(request, known)
        } catch {
            let error =
                error as? GatewayError
                ?? GatewayError(
                    .credentialUnavailable, "the authorization server cannot be asked", hint: "try again later")
            var response = ConnectEndpoints.problem(error)
            if request.method != "GET", let principal {
                let server = request.path.split(separator: "/").dropFirst(2).joined(separator: "/")
                response.event = Event(
                    operation: request.method == "DELETE" ? "connection.remove" : "connection.make",
                    server: String(server.prefix(256)), principal: principal, error: error)
            }
            return response
        }
    }

    // MARK: With a credential

    private func serve(_ request: Request, _ principal: Principal) async throws -> Response {
        let form = FormText.decode(request.body, fieldsMax: 8) ?? []
        func field(_ name: String) throws(GatewayError) -> String {
            guard let value = form.first(where: { $0.name == name })?.value, !value.isEmpty else {
                throw GatewayError(.malformedRequest, "the form has no \(name)")
            }
            return value
        }
        if request.method != "GET" { try ConnectEndpoints.checkPerson(principal) }
        let words = request.path.split(separator: "/").dropFirst()
        switch (request.method, words.first, words.count) {
        case ("POST", "connect", 2) where words.last == "confirm":
            let row = try await connections.confirm(try field("flow"), proof: try field("proof"), principal) {
                (flow) throws(GatewayError) in try checkUse(flow, principal)
            }
            var response = ConnectEndpoints.json(ConnectEndpoints.tree(row), status: 201)
            response.event = Event(
                operation: "connection.make", server: row.key.server, principal: principal, issuer: row.issuer,
                scopes: row.scopes)
            return response
        case ("GET", "connections", 1): return list(principal)
        case (let method, "connections", 2...3):
            let settings = try settings(words.dropFirst().joined(separator: "/"), principal)
            return try await serve(method, settings, principal, form)
        default: throw GatewayError(.notFound, "no path \(request.path.prefix(256))", hint: "GET /oauth/connections")
        }
    }

    /// Only who owns a connection changes it: what acts for a user could tie him to an account of somebody else's.
    static func checkPerson(_ principal: Principal) throws(GatewayError) {
        let acts = principal.agent != nil || principal.run != nil || !principal.delegation.isEmpty
        guard principal.user == nil || !acts else {
            throw GatewayError(
                .forbidden, "a user's connections are changed by the user alone, not by what acts for him",
                hint: "use a credential of the user's own, such as that of 'sluice login'")
        }
    }

    private func serve(
        _ method: String, _ settings: ConnectionSettings, _ principal: Principal,
        _ form: [(name: String, value: String)]
    ) async throws -> Response {
        let key = UpstreamConnection.Key(principal, server: settings.server)
        switch method {
        case "GET": return ConnectEndpoints.json(tree(settings, principal))
        case "POST":
            var port: Int?
            if let text = form.first(where: { $0.name == "return_port" })?.value {
                guard let number = Int(text), (1_024...65_535).contains(number) else {
                    throw GatewayError(.malformedRequest, "return_port is no port of a program")
                }
                port = number
            }
            let end = port.map { ConnectFlow.End.port($0) } ?? .code
            let begun = try await connections.begin(settings, principal, end: end)
            return ConnectEndpoints.json(
                [
                    "server": .text(settings.shownName), "flow": .text(begun.flow), "url": .text(begun.url),
                    "expiresInSeconds": .integer(begun.lifetimeSeconds),
                ], status: 201)
        case "DELETE":
            guard try await connections.disconnect(settings, principal) != nil else {
                throw GatewayError(.notFound, "there is no connection to this server: \(key.server)")
            }
            var response = ConnectEndpoints.json(["server": .text(settings.shownName), "state": "removed"])
            response.event = Event(operation: "connection.remove", server: settings.server, principal: principal)
            return response
        default: throw GatewayError(.methodNotAllowed, "a connection takes GET, POST and DELETE: \(method.prefix(16))")
        }
    }

    /// A server that the caller may use nothing of is as unknown as one that is not there.
    private func settings(_ name: String, _ principal: Principal) throws(GatewayError) -> ConnectionSettings {
        guard let server = catalog.server(name), catalog.access.shows(principal, server: server.shownName),
            let settings = server.connection
        else {
            throw GatewayError(
                .notFound, "there is no server to connect to: \(name.prefix(128))",
                hint: "'sluice connect --list' shows them")
        }
        return settings
    }

    /// Whether a user may still use the server that a flow is for, and that is still the same one.
    func checkUse(_ flow: ConnectFlow, _ principal: Principal) throws(GatewayError) {
        let now = try settings(flow.settings.shownName, principal)
        guard now.key == flow.settings.key else { throw ConnectFlows.isOver }
    }

    private func list(_ principal: Principal) -> Response {
        let servers = catalog.servers.filter { server in
            server.connection?.mode == .perUser && catalog.access.shows(principal, server: server.shownName)
        }
        let items = servers.compactMap { $0.connection.map { tree($0, principal) } }
        return ConnectEndpoints.json(["items": .array(items)])
    }

    private func tree(_ settings: ConnectionSettings, _ principal: Principal) -> JSONTree {
        let known = connections.book.connection(UpstreamConnection.Key(principal, server: settings.server))
        var object = known.flatMap { ConnectEndpoints.tree($0).object } ?? ["state": "none"]
        object["server"] = .text(settings.shownName)
        return .object(object)
    }

    private static func tree(_ row: UpstreamConnection) -> JSONTree {
        [
            "server": .text(row.key.server), "state": .text(row.state.rawValue), "issuer": .text(row.issuer),
            "scopes": .array(row.scopes.map { .text($0) }), "since": .integer(row.createdSeconds),
        ]
    }

    private static func json(_ tree: JSONTree, status: Int = 200) -> Response {
        Response(
            status: status, fields: [("content-type", "application/json"), ("cache-control", "no-store")],
            body: tree.bytes)
    }

    private static func problem(_ error: GatewayError) -> Response {
        var response = json(
            ["code": .text(error.code.rawValue), "detail": .text(error.message), "hint": .text(error.hint ?? "")],
            status: error.code.httpStatus == 0 ? 400 : error.code.httpStatus)
        if response.status == 401 { response.fields.append(("www-authenticate", "Bearer realm=\"sluice\"")) }
        return response
    }
}
