import GatewayWire

/// Who asks a server, in the words the server is told: a client's own capabilities and name, not the gateway's.
struct ServerCaller: Sendable {
    /// Whose lists and sessions these are: nobody else's.
    var owner: String
    /// A JSON object.
    var capabilities: [UInt8]
    /// A JSON object, if the client says who it is.
    var clientInfo: [UInt8]?
    /// The least severe log message that is wanted; nil for none.
    var logLevel: String?
    /// The client's own session, where it has one.
    var session: ClientSession?

    /// Under what a session at a server is kept: the client's own, or one that requests of this caller share as long
    /// as they say the same about themselves.
    func scope(_ server: CompiledServer) -> String {
        if let session { return "\(server.name) session \(session.id)" }
        let capabilities = String(decoding: capabilities, as: UTF8.self)
        let info = clientInfo.map { String(decoding: $0, as: UTF8.self) } ?? ""
        return "\(server.name) \(owner) \(logLevel ?? "") \(capabilities) \(info)"
    }

    /// The members of a list of client capabilities: whether the client can answer such a request of a server.
    func canAnswer(_ method: String) -> Bool {
        let name: StaticString
        switch method {
        case "elicitation/create": name = "elicitation"
        case "sampling/createMessage": name = "sampling"
        case "roots/list": name = "roots"
        default: return false
        }
        guard let outline = try? JSONOutline(capabilities.span) else { return false }
        return outline.member(name, in: capabilities.span) != nil
    }

    /// How a person can be asked something.
    enum ElicitationMode: String {
        case form
        case url
    }

    /// Whether the client can ask its user in that way; one that says nothing of ways has forms alone.
    func canElicit(_ mode: ElicitationMode) -> Bool {
        guard let known = (try? JSONTree.parse(capabilities))?["elicitation"]?.object else { return false }
        return known[mode.rawValue]?.object != nil || mode == .form && known.isEmpty
    }
}

/// What a client's session is: all of it travels in the sealed id that the client sends, so that every replica can
/// serve it. A reference, since every call hands on that it has one, or none.
package final class ClientSession: Sendable {
    /// Random; names the session where something is kept for it.
    let id: String
    let revision: MCPRevision
    /// The path it began at: a server's name, or empty for all of them.
    let place: String
    /// Whose it is.
    let owner: String
    /// JSON objects.
    let capabilities: [UInt8]
    let clientInfo: [UInt8]?
    /// Sessions at servers that were opened with it, by server; an empty id where the server gives none.
    let opened: [Opened]
    /// By the wall clock, which all replicas have.
    let openedMilliseconds: Int
    /// How long an id is good: those that have ended are remembered as long.
    static let lifetimeMilliseconds = 7 * 24 * 3_600_000

    init(
        id: String, revision: MCPRevision, place: String, owner: String, capabilities: [UInt8], clientInfo: [UInt8]?,
        opened: [Opened], openedMilliseconds: Int
    ) {
        (self.id, self.revision, self.place, self.owner) = (id, revision, place, owner)
        self.openedMilliseconds = openedMilliseconds
        (self.capabilities, self.clientInfo, self.opened) = (capabilities, clientInfo, opened)
    }

    func isTooOld(_ nowMilliseconds: Int) -> Bool {
        openedMilliseconds <= nowMilliseconds - ClientSession.lifetimeMilliseconds
    }

    struct Opened: Sendable, Equatable {
        var server: String
        var id: String
        var revision: MCPRevision
    }
}
