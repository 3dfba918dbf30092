import GatewayIdentity
import GatewayModel
import GatewayProxy
import GatewayWire

/// The token service as a room of the data plane.
enum TokenRoom {
    /// Where its endpoints are.
    static let paths = [
        "/.well-known/oauth-authorization-server", "/.well-known/openid-configuration", "/oauth/jwks", "/oauth/token",
        "/oauth/introspect", "/oauth/revoke", "/oauth/whoami",
    ]

    static func make(_ service: TokenService) -> any RouteHandler {
        AsyncRoom(bodyBytesMax: TokenService.bodyBytesMax) { request in
            var asked = TokenService.Request(method: request.method, path: request.path, body: request.body)
            asked.contentType = request.field("content-type")
            // A key in x-api-key is a credential as good as any.
            asked.authorization = request.field("authorization") ?? request.field("x-api-key").map { "Bearer \($0)" }
            asked.proofs = request.fields.filter { $0.name == "dpop" }.map(\.value)
            asked.source = request.source
            asked.requestID = request.requestID
            asked.certificate = request.certificateFingerprint.flatMap(TokenRoom.base64URL(hex:))
            guard let answer = await service.respond(asked) else {
                return RoomResponse(
                    status: 404, fields: [("content-type", "application/json")],
                    body: .bytes(Array("{\"error\":\"not_found\"}".utf8)))
            }
            return RoomResponse(
                status: answer.status, fields: [("content-type", "application/json")] + answer.fields,
                body: .bytes(answer.body?.bytes ?? []))
        }
    }

    private static func base64URL(hex: String) -> String? {
        let digits = Array(hex.utf8)
        let bytes = stride(from: 0, to: digits.count - 1, by: 2).compactMap {
            UInt8(String(decoding: digits[$0...($0 + 1)], as: UTF8.self), radix: 16)
        }
        return bytes.count == 32 ? Base64URL.encode(bytes) : nil
    }
}
