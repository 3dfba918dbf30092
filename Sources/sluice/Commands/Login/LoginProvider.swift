import Foundation
import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayWorkbench

/// An OpenID provider as a client of it sees it.
struct LoginProvider {
    let issuer: String
    let metadata: ConfigNode

    /// OpenID Connect Discovery 1.0 section 4.
    static func discover(_ issuer: String) async throws -> LoginProvider {
        let url = OutboundURL.join(issuer, "/.well-known/openid-configuration")
        let answer = try await call("GET", url)
        guard answer.status == 200, answer.node["issuer"]?.string == issuer else {
            throw GatewayError(
                .unreachable, "there is no OpenID provider at \(issuer)",
                hint: "write its URL exactly as it names itself")
        }
        return LoginProvider(issuer: issuer, metadata: answer.node)
    }

    func endpoint(_ name: String) throws(GatewayError) -> String {
        guard let url = metadata[name]?.string else {
            throw GatewayError(.unsupportedValue, "the provider has no \(name): \(issuer)")
        }
        return url
    }

    static func call(
        _ method: String, _ url: String, form: [(String, String)]? = nil
    ) async throws -> (status: Int, node: ConfigNode) {
        let body = form.map { fields in
            fields.map { "\(FormText.encode($0.0))=\(FormText.encode($0.1))" }.joined(separator: "&")
        }
        let kind = form == nil ? [] : [Header("content-type", "application/x-www-form-urlencoded")]
        do {
            let answer = try await WorkbenchClient(version: .http1).call(
                method, url, headers: [Header("accept", "application/json")] + kind,
                body: body.map { .text($0) } ?? .none, timeoutMilliseconds: 30_000)
            return (answer.status, (try? AdminClient.node(answer.body)) ?? .object([]))
        } catch let error as CallError {
            throw GatewayError(.unreachable, "the provider does not answer at \(url): \(error)")
        }
    }

    /// Asks the token endpoint, with the client's secret where it has one.
    func token(_ form: [(String, String)]) async throws -> (status: Int, node: ConfigNode) {
        var form = form
        if let secret = ProcessInfo.processInfo.environment["SLUICE_CLIENT_SECRET"], !secret.isEmpty {
            form.append(("client_secret", secret))
        }
        return try await LoginProvider.call("POST", try endpoint("token_endpoint"), form: form)
    }

    /// What a token endpoint's answer comes to.
    func login(
        _ answer: (status: Int, node: ConfigNode), client: String, usesIDToken: Bool
    ) throws(GatewayError) -> Login {
        guard answer.status == 200, let token = answer.node[usesIDToken ? "id_token" : "access_token"]?.string else {
            throw GatewayError(
                .denied, answer.node["error_description"]?.string ?? "the provider gave no token",
                hint: answer.node["error"]?.string)
        }
        let seconds = answer.node["expires_in"]?.int ?? 300
        return Login(
            issuer: issuer, clientID: client, token: token, refreshToken: answer.node["refresh_token"]?.string,
            expiresSeconds: Int(Date().timeIntervalSince1970) + seconds)
    }
}

extension ConfigNode {
    /// A whole number.
    var int: Int? { if case .number(let text) = value { Int(text) } else { nil } }
}
