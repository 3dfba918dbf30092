import ArgumentParser
import Foundation
import GatewayControl
import GatewayModel

/// `sluice login`.
struct LoginCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "login", abstract: "Log in at an OpenID provider, as a person.",
        discussion: """
            Opens nothing by itself: it prints a URL to open in a browser and waits on a loopback port (PKCE, RFC \
            8252), or with --device a code to type in anywhere (RFC 8628). The token is kept in the user's \
            configuration folder and shown to the gateway by 'sluice whoami' and 'sluice token exchange'. A provider \
            that wants a secret of the client gets SLUICE_CLIENT_SECRET.
            """)

    @Option(help: "The provider's URL, exactly as it names itself.")
    var issuer: String

    @Option(help: "The client that the provider knows this command as.")
    var clientID = "sluice"

    @Option(help: "Scopes to ask for, with commas between.")
    var scopes = "openid,profile,email"

    @Option(help: "Whom the token is to be for, where the provider takes an audience.")
    var audience: String?

    @Flag(help: "Show a code instead of waiting for a browser.")
    var device = false

    @Flag(help: "Keep the ID token, for a provider whose access tokens only it can read.")
    var idToken = false

    @Option(help: "How many seconds to wait for the person.")
    var wait = 300

    @OptionGroup var output: OutputOptions

    func run() async throws {
        let provider = try await LoginProvider.discover(issuer)
        let words = scopes.replacing(",", with: " ")
        let deadline = ContinuousClock.now.advanced(by: .seconds(wait))
        let answer: (status: Int, node: ConfigNode)
        if device {
            answer = try await DeviceLogin(provider: provider, client: clientID, scopes: words, audience: audience)
                .run(until: deadline)
        } else {
            answer = try await LoopbackLogin(provider: provider, client: clientID, scopes: words, audience: audience)
                .run(until: deadline)
        }
        let login = try provider.login(answer, client: clientID, usesIDToken: idToken)
        try LoginFile.standard.write(login)
        let node = ConfigNode.object([
            ("issuer", .text(issuer)), ("expiresInSeconds", .integer(answer.node["expires_in"]?.int ?? 300)),
        ])
        output.show(node) { "logged in at \(issuer)\n" }
    }
}

/// `sluice logout`.
struct LogoutCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "logout", abstract: "Forget the login; the provider is told to revoke it where it can.")

    func run() async throws {
        guard let login = try LoginFile.standard.read() else { return Terminal.error("nobody is logged in") }
        LoginFile.standard.remove()
        guard let provider = try? await LoginProvider.discover(login.issuer),
            let url = try? provider.endpoint("revocation_endpoint")
        else { return }
        for token in [login.refreshToken, login.token].compactMap(\.self) {
            _ = try? await LoginProvider.call("POST", url, form: [("token", token), ("client_id", login.clientID)])
        }
    }
}
