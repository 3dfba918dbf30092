import ArgumentParser
import Foundation
import GatewayControl
import GatewayIdentity
import GatewayModel
import GatewayWorkbench

/// Where a gateway listens, and what is shown to it.
struct GatewayCaller: ParsableArguments {
    @Option(help: "The gateway's URL; SLUICE_URL or http://127.0.0.1:8080 by default.")
    var url: String?

    @Option(help: "The token or API key to show, - for standard input; SLUICE_TOKEN or that of 'sluice login'.")
    var token: String?

    var base: String { url ?? ProcessInfo.processInfo.environment["SLUICE_URL"] ?? "http://127.0.0.1:8080" }

    func credential() throws(GatewayError) -> String {
        if let token { return try TokenText.read(token) }
        if let text = ProcessInfo.processInfo.environment["SLUICE_TOKEN"], !text.isEmpty { return text }
        if let kept = try LoginFile.standard.token(nowSeconds: Int(Date().timeIntervalSince1970)) { return kept }
        throw GatewayError(
            .usage, "no credential was given", hint: "say --token, set SLUICE_TOKEN, or run 'sluice login' first")
    }

    /// An answer in JSON, whatever its status.
    func send(
        _ method: String, _ path: String, headers: [Header] = [], form: [(String, String)]? = nil
    ) async throws -> (status: Int, node: ConfigNode) {
        let answer = try await call(method, path, headers, form)
        guard let node = Self.object(answer) else { throw isNoTokenService(answer, "\(method) \(path)") }
        return (answer.status, node)
    }

    /// Throws unless the gateway's token service is there. Nothing secret is shown to find out: where no route leads to
    /// it, another one may lead to somebody who would like to have the credential.
    func findTokenService() async throws {
        let path = "/oauth/jwks"
        let answer = try await call("GET", path, [], nil)
        let node = Self.object(answer)
        // A gateway that lets nobody in without a credential is one, too.
        let isGuarded =
            answer.status == 401 && node?["code"]?.string == ErrorCode.unauthenticated.rawValue
            && node?["type"]?.string?.contains(ErrorCode.unauthenticated.rawValue) ?? false
        let keys = node?["keys"]?.elements ?? []
        let isService =
            answer.status == 200 && !keys.isEmpty
            && keys.allSatisfy { $0["kty"]?.string != nil && $0["kid"]?.string != nil }
        guard isService || isGuarded else { throw isNoTokenService(answer, "GET \(path)") }
    }

    private func call(
        _ method: String, _ path: String, _ headers: [Header], _ form: [(String, String)]?
    ) async throws -> CompletedResponse {
        let body = form.map { fields in
            fields.map { "\(FormText.encode($0.0))=\(FormText.encode($0.1))" }.joined(separator: "&")
        }
        let kind = form == nil ? [] : [Header("content-type", "application/x-www-form-urlencoded")]
        do {
            return try await WorkbenchClient(version: .http1).call(
                method, OutboundURL.join(base, path), headers: headers + kind, body: body.map { .text($0) } ?? .none,
                timeoutMilliseconds: 30_000)
        } catch let error as CallError {
            throw GatewayError(
                .unreachable, "no gateway answers at \(base): \(error)", hint: "say where it is by --url or SLUICE_URL")
        }
    }

    /// Nil for what is no JSON object.
    private static func object(_ answer: CompletedResponse) -> ConfigNode? {
        guard !answer.body.isEmpty else { return .object([]) }
        guard let node = try? AdminClient.node(answer.body), node.fields != nil else { return nil }
        return node
    }

    /// What answered in its place, without its body: that may be what was shown to it.
    func isNoTokenService(_ answer: CompletedResponse, _ request: String) -> GatewayError {
        let type = answer.headers.first { $0.name.lowercased() == "content-type" }?.value
        return isNoTokenService("\(answer.status) \(type ?? "without a content-type")", request)
    }

    func isNoTokenService(_ what: String, _ request: String) -> GatewayError {
        GatewayError(
            .unreachable, "no token service answers at \(base): \(request) was answered \(what)",
            hint: "route /oauth to {group: sluice.dev, kind: TokenService, name: sluice}, or name another gateway by "
                + "--url or SLUICE_URL")
    }
}
