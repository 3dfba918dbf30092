package import GatewayProxy
import GatewayWire

/// What a client without a token reads to get one: the metadata of a protected resource (RFC 9728), made of what the
/// configuration says and never of what a request says about its host.
package struct ResourceMetadataRoom: RouteHandler {
    private let body: [UInt8]

    package init(_ authorization: ResourceAuthorization) {
        var object: JSONObject = [
            "resource": .text(authorization.resource),
            "authorization_servers": .array(authorization.servers.map { .text($0) }),
            "bearer_methods_supported": ["header"],
        ]
        if !authorization.scopes.isEmpty {
            object["scopes_supported"] = .array(authorization.scopes.map { .text($0) })
        }
        body = JSONTree.object(object).bytes
    }

    package func handle(_ exchange: Exchange) {
        exchange.respond(
            status: 200,
            fields: [
                ("content-type", "application/json"), ("cache-control", "max-age=300"),
                ("access-control-allow-origin", "*"),
            ], body: body)
    }
}
