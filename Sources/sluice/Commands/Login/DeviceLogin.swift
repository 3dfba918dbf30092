import GatewayControl
import GatewayModel

/// The device grant (RFC 8628): a code that a person types in on any machine with a browser.
struct DeviceLogin {
    let provider: LoginProvider
    let client: String
    let scopes: String
    let audience: String?
    /// Waits so many seconds; tests do not.
    var pause: @Sendable (Int) async throws -> Void = { try await Task.sleep(for: .seconds($0)) }

    private static let grantType = "urn:ietf:params:oauth:grant-type:device_code"

    func run(until deadline: ContinuousClock.Instant) async throws -> (status: Int, node: ConfigNode) {
        var form = [("client_id", client), ("scope", scopes)]
        if let audience { form.append(("audience", audience)) }
        let begun = try await LoginProvider.call(
            "POST", try provider.endpoint("device_authorization_endpoint"), form: form)
        guard begun.status == 200, let code = begun.node["device_code"]?.string,
            let shown = begun.node["user_code"]?.string, let place = begun.node["verification_uri"]?.string
        else {
            throw GatewayError(
                .denied, begun.node["error_description"]?.string ?? "the provider starts no device login",
                hint: begun.node["error"]?.string)
        }
        Terminal.error("open \(place) and type in \(shown)")
        if let whole = begun.node["verification_uri_complete"]?.string { Terminal.error("or open \(whole)") }
        return try await poll(code, every: max(1, begun.node["interval"]?.int ?? 5), until: deadline)
    }

    /// Section 3.5: waits, longer when it is told to slow down.
    private func poll(
        _ code: String, every seconds: Int, until deadline: ContinuousClock.Instant
    ) async throws -> (status: Int, node: ConfigNode) {
        var seconds = seconds
        while ContinuousClock.now < deadline {
            try await pause(seconds)
            let answer = try await provider.token([
                ("grant_type", Self.grantType), ("device_code", code), ("client_id", client),
            ])
            switch answer.node["error"]?.string {
            case "authorization_pending": continue
            case "slow_down": seconds += 5
            default: return answer
            }
        }
        throw GatewayError(.denied, "nobody typed in the code in time", hint: "run 'sluice login --device' again")
    }
}
