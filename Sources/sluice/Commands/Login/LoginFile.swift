import Foundation
import GatewayControl
import GatewayModel

/// What a login left behind: a file in the user's own configuration folder that only the user may read.
struct LoginFile {
    let folder: String
    private static let name = "login.json"
    private static let bytesMax = 64 * 1024

    static var standard: LoginFile {
        let environment = ProcessInfo.processInfo.environment
        let home = environment["XDG_CONFIG_HOME"] ?? "\(environment["HOME"] ?? ".")/.config"
        return LoginFile(folder: environment["SLUICE_LOGIN"] ?? "\(home)/sluice")
    }

    func write(_ login: Login) throws(GatewayError) {
        try StateFile.write(Secret(Array(JSONPrinter.print(login.node).utf8)), LoginFile.name, in: folder)
    }

    func read() throws(GatewayError) -> Login? {
        guard let content = try StateFile.read(LoginFile.name, in: folder, bytesMax: LoginFile.bytesMax) else {
            return nil
        }
        return Login(try AdminClient.node(content.reveal { $0 }))
    }

    func remove() { try? FileManager.default.removeItem(atPath: "\(folder)/\(LoginFile.name)") }

    /// The token while it is good; nil without a login.
    func token(nowSeconds: Int) throws(GatewayError) -> String? {
        guard let login = try read() else { return nil }
        guard nowSeconds < login.expiresSeconds else {
            throw GatewayError(.denied, "the login has expired", hint: "run 'sluice login' again")
        }
        return login.token
    }
}

/// A user's token, and what it takes to get another.
struct Login {
    var issuer: String
    var clientID: String
    var token: String
    var refreshToken: String?
    var expiresSeconds: Int

    init(issuer: String, clientID: String, token: String, refreshToken: String?, expiresSeconds: Int) {
        self.issuer = issuer
        self.clientID = clientID
        self.token = token
        self.refreshToken = refreshToken
        self.expiresSeconds = expiresSeconds
    }

    init?(_ node: ConfigNode) {
        guard let issuer = node["issuer"]?.string, let client = node["client"]?.string,
            let token = node["token"]?.string, let expires = node["expires"]?.int
        else { return nil }
        self.init(
            issuer: issuer, clientID: client, token: token, refreshToken: node["refresh"]?.string,
            expiresSeconds: expires)
    }

    var node: ConfigNode {
        var pairs: [(String, ConfigNode)] = [
            ("issuer", .text(issuer)), ("client", .text(clientID)), ("token", .text(token)),
            ("expires", .integer(expiresSeconds)),
        ]
        if let refreshToken { pairs.append(("refresh", .text(refreshToken))) }
        return .object(pairs)
    }
}
