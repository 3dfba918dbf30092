import GatewayModel
import GatewayState
import GatewayWire

/// What a connection keeps from everybody: tokens, and who the gateway is where they are from. Its own copy of whose
/// it is and where it leads goes with it, so that a row put in another's place opens nothing.
struct SealedConnection: Sendable {
    var key: UpstreamConnection.Key
    /// The server's URL when it was made.
    var url: String
    var resource: String
    var issuer: String
    var token: Secret
    var expiresSeconds: Int?
    var refreshToken: Secret?
    /// Nil for the operator's own.
    var client: OAuthClient?

    func sealed(_ seal: Seal) throws(GatewayError) -> String {
        var object: JSONObject = [
            "k": .text(key.text), "u": .text(url), "r": .text(resource), "i": .text(issuer),
            "t": .text(SealedConnection.text(token)),
        ]
        if let expiresSeconds { object["e"] = .integer(expiresSeconds) }
        if let refreshToken { object["f"] = .text(SealedConnection.text(refreshToken)) }
        if let client { object["c"] = client.tree }
        guard let text = seal.seal(JSONTree.object(object).bytes, .connection) else {
            throw GatewayError(.internalFault, "the connection cannot be sealed")
        }
        return text
    }

    /// Nil for what was not sealed here, or for somebody else.
    init?(_ text: String, _ key: UpstreamConnection.Key, _ seal: Seal) {
        guard let bytes = seal.open(text, .connection), let tree = try? JSONTree.parse(bytes),
            let owner = tree["k"]?.string?.value, owner.utf8.elementsEqual(key.text.utf8),
            let url = tree["u"]?.string?.value, let resource = tree["r"]?.string?.value,
            let issuer = tree["i"]?.string?.value, let token = tree["t"]?.string?.value
        else { return nil }
        self.key = key
        self.url = url
        self.resource = resource
        self.issuer = issuer
        self.token = Secret(token)
        expiresSeconds = tree["e"]?.int
        refreshToken = tree["f"]?.string.map { Secret($0.value) }
        client = tree["c"].flatMap { OAuthClient($0) }
    }

    init(
        key: UpstreamConnection.Key, url: String, resource: String, issuer: String, answer: TokenAnswer,
        client: OAuthClient, nowSeconds: Int
    ) {
        self.key = key
        self.url = url
        self.resource = resource
        self.issuer = issuer
        token = answer.token
        expiresSeconds = answer.lifetimeSeconds.map { nowSeconds + $0 }
        refreshToken = answer.refreshToken
        self.client = client.origin == .configured ? nil : client
    }

    static func text(_ secret: Secret) -> String { secret.reveal { String(decoding: $0, as: UTF8.self) } }
}

extension OAuthClient {
    /// To be sealed.
    var tree: JSONTree {
        var object: JSONObject = ["id": .text(id), "m": .text(method.rawValue)]
        if origin == .document { object["d"] = .bool(true) }
        if let secret { object["s"] = .text(SealedConnection.text(secret)) }
        return .object(object)
    }

    init?(_ tree: JSONTree) {
        guard let id = tree["id"]?.string?.value,
            let method = tree["m"]?.string.flatMap({ Method(rawValue: $0.value) })
        else { return nil }
        self.init(
            id: id, secret: tree["s"]?.string.map { Secret($0.value) }, method: method,
            origin: tree["d"]?.bool == true ? .document : .registration)
    }
}
