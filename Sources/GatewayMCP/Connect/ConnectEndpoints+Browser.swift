import GatewayIdentity
import GatewayModel
import GatewayState
import GatewayWire

/// The pages that a browser comes by. Nothing on them runs, nothing frames them, and nothing of what they show is taken
/// for markup.
extension ConnectEndpoints {
    private static let credentialBytesMax = 8 * 1024

    // MARK: The way there

    /// Who has begun himself goes on at once, since he shows at the end that he was here; who was asked shows first who
    /// he is.
    func start(_ request: Request) -> Response {
        let fields = FormText.decode(Array(request.query.utf8), fieldsMax: 8) ?? []
        let id = fields.first { $0.name == "flow" }?.value ?? ""
        guard let flow = connections.opened(id) else { return over(id) }
        guard flow.end == .browser else { return redirect(flow.location) }
        return door(flow, nil)
    }

    private func over(_ id: String) -> Response {
        if let flow = connections.superseded(id) { return superseded(flow) }
        return page(
            404, "This link is not good any more",
            "Ask for another one with <code>sluice connect</code>, or let what sent you here call again.")
    }

    private func superseded(_ flow: ConnectFlow) -> Response {
        page(
            410, "A newer link has taken this one's place",
            "Connecting to <b>\(ConnectEndpoints.escaped(flow.settings.shownName))</b> was begun again after this link "
                + "was made. Open the newest one; nothing was stored, and you can close this page.")
    }

    /// Asks who is at the browser. Only a page of the gateway's own may answer: another one could show the credential
    /// of whoever made it, and tie him to this person's account.
    private func door(_ flow: ConnectFlow, _ problem: GatewayError?) -> Response {
        let server = ConnectEndpoints.escaped(flow.settings.shownName)
        let issuer = ConnectEndpoints.escaped((try? OutboundURL(flow.server.issuer))?.authority ?? "")
        let said = problem.map { "<p><b>\(ConnectEndpoints.escaped($0.message)).</b></p>" } ?? ""
        let user = ConnectEndpoints.escaped(flow.owner.name)
        var response = page(
            problem == nil ? 200 : 403, "Connect to \(server)",
            "A call of <b>\(user)</b> needs <b>\(server)</b>. To let the gateway use it, show that you are this user, "
                + "then allow the access at \(issuer). If you have not asked for it, or somebody sent you the link, "
                + "close this page.</p>\(said)<form method=\"post\" action=\"start\">"
                + "<input type=\"hidden\" name=\"flow\" value=\"\(ConnectEndpoints.escaped(flow.id))\">"
                + "<label>Your key or token for the gateway<br><input type=\"password\" name=\"credential\" "
                + "autocomplete=\"off\" required maxlength=\"\(ConnectEndpoints.credentialBytesMax)\"></label> "
                + "<button>Go on</button></form><p>It goes to the gateway alone.")
        // Otherwise the browser does not say that the form is the gateway's own.
        response.fields.removeAll { $0.name == "referrer-policy" }
        response.fields.append(("referrer-policy", "same-origin"))
        return response
    }

    /// Somebody shows who he is, and is sent on if he is the one who is asked.
    func enter(_ request: Request, _ caller: Identify) async -> Response {
        let form = FormText.decode(request.body, fieldsMax: 8) ?? []
        let id = form.first { $0.name == "flow" }?.value ?? ""
        guard let flow = connections.opened(id), flow.end == .browser else { return over(id) }
        guard request.origin?.lowercased() == connections.origin else {
            return page(403, "Not from this page", "What was sent did not come from a page of the gateway.")
        }
        guard connections.attempt(flow.id) != nil else { return over(id) }
        let shown = form.first { $0.name == "credential" }?.value.trimmed ?? ""
        var person = Principal.anonymous
        do throws(GatewayError) {
            guard !shown.isEmpty, shown.utf8.count <= ConnectEndpoints.credentialBytesMax,
                shown.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
            else { throw GatewayError(.unauthenticated, "this is no credential") }
            person = try await caller("Bearer \(shown)")
            try ConnectEndpoints.checkPerson(person)
            try Connections.checkUser(person)
            try checkUse(flow, person)
            let entered = try connections.enter(flow.id, person)
            connections.conclude(flow.id, isWrong: false)
            return go(entered)
        } catch {
            connections.conclude(flow.id, isWrong: ConnectEndpoints.isWrong(error))
            var response = connections.opened(flow.id).map { door($0, error) } ?? over(id)
            response.event = Event(
                operation: "connection.make", server: flow.settings.server, principal: person, error: error)
            return response
        }
    }

    /// Whether a refusal says that a credential was made up, or is somebody else's.
    private static func isWrong(_ error: GatewayError) -> Bool {
        error.code == .unauthenticated || error.code == .denied
    }

    /// To the authorization server, with what the browser shows when it comes back.
    private func go(_ flow: ConnectFlow) -> Response {
        var response = redirect(flow.location)
        if let visitor = flow.visitor {
            response.fields.append(
                ("set-cookie", cookie(flow, SealedConnection.text(visitor.cookie), ConnectFlows.lifetimeSeconds)))
        }
        return response
    }

    // MARK: The way back

    func callback(_ request: Request) async -> Response {
        let fields = FormText.decode(Array(request.query.utf8), fieldsMax: 16) ?? []
        let found = connections.callback(fields) { flow in
            ConnectEndpoints.cookie(named: cookieName(flow), in: request.cookies)
        }
        guard let flow = found else {
            return page(
                400, "Nobody waits for this answer",
                "It is of a link that is too old, or was used before. Ask for another one with "
                    + "<code>sluice connect</code>.")
        }
        switch flow.phase {
        case .begun: return page(400, "Nobody waits for this answer", "")
        case .superseded: return superseded(flow)
        case .failed(let error): return failed(flow, error)
        case .returned(let code, let proof):
            // Much may have changed since he was sent on.
            if let person = flow.visitor?.person {
                do throws(GatewayError) { try checkUse(flow, person) } catch { return failed(flow, error) }
            }
            let proof = SealedConnection.text(proof)
            switch flow.end {
            // To the machine the browser runs on, and nowhere else.
            case .port(let port): return redirect("http://127.0.0.1:\(port)/callback?flow=\(flow.id)&proof=\(proof)")
            case .code: return shown(proof, flow)
            case .browser: return await redeem(code, of: flow)
            }
        }
    }

    private func failed(_ flow: ConnectFlow, _ error: GatewayError) -> Response {
        var response = page(
            400, "Not connected to \(ConnectEndpoints.escaped(flow.settings.shownName))",
            "\(ConnectEndpoints.escaped(error.message)). Nothing was stored; you can close this page.")
        if flow.end == .browser {
            response.fields.append(("set-cookie", cookie(flow, "", 0)))
            if let person = flow.visitor?.person {
                response.event = Event(
                    operation: "connection.make", server: flow.settings.server, principal: person, error: error)
            }
        }
        return response
    }

    private func shown(_ proof: String, _ flow: ConnectFlow) -> Response {
        page(
            200, "One more step",
            "To connect to <b>\(ConnectEndpoints.escaped(flow.settings.shownName))</b>, type this code where you "
                + "began. If somebody sent you the link, close this page and tell nobody the code: it would give them "
                + "your access.</p><p class=\"code\">\(proof.prefix(5))-\(proof.dropFirst(5))")
    }

    private func redeem(_ code: Secret, of flow: ConnectFlow) async -> Response {
        let row: UpstreamConnection
        do { row = try await connections.redeem(code, of: flow) } catch {
            let error =
                error as? GatewayError
                ?? GatewayError(.credentialUnavailable, "the authorization server cannot be asked")
            return failed(flow, error)
        }
        var response = page(
            200, "Connected to \(ConnectEndpoints.escaped(flow.settings.shownName))",
            "The gateway may use it for <b>\(ConnectEndpoints.escaped(flow.owner.name))</b>, and nobody else. If that "
                + "is not you, end the access at \(ConnectEndpoints.escaped(row.issuer)) now. What asked for it goes "
                + "on by itself; you can close this page. <code>sluice connect "
                + "\(ConnectEndpoints.escaped(flow.settings.shownName)) --remove</code> ends the connection.")
        response.fields.append(("set-cookie", cookie(flow, "", 0)))
        if let person = flow.visitor?.person {
            response.event = Event(
                operation: "connection.make", server: row.key.server, principal: person, issuer: row.issuer,
                scopes: row.scopes)
        }
        return response
    }

    // MARK: Cookies

    /// Nobody but this very host can set one of that prefix (RFC 6265bis section 4.1.3.2).
    private func cookieName(_ flow: ConnectFlow) -> String {
        "\(connections.isTLS ? "__Host-" : "")sluice-connect-\(flow.id.prefix(12))"
    }

    /// Comes along when the authorization server sends the browser back, and with nothing that other pages send.
    private func cookie(_ flow: ConnectFlow, _ value: String, _ lifetimeSeconds: Int) -> String {
        "\(cookieName(flow))=\(value); Path=/; Max-Age=\(lifetimeSeconds); HttpOnly; SameSite=Lax"
            + (connections.isTLS ? "; Secure" : "")
    }

    /// The value, if the name comes once.
    static func cookie(named name: String, in text: String) -> String? {
        let values = text.split(separator: ";").compactMap { part -> String? in
            let pair = part.drop { $0 == " " }
            guard pair.hasPrefix("\(name)=") else { return nil }
            return String(pair.dropFirst(name.count + 1))
        }
        return values.count == 1 ? values[0] : nil
    }

    // MARK: Pages

    private func redirect(_ location: String) -> Response {
        Response(
            status: 303,
            fields: [("location", location), ("cache-control", "no-store"), ("referrer-policy", "no-referrer")],
            body: [])
    }

    private func page(_ status: Int, _ title: String, _ text: String) -> Response {
        let html =
            "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>\(title)</title>"
            + "<style>body{font:1.1em/1.5 system-ui,sans-serif;max-width:34em;margin:4em auto;padding:0 1em}"
            + "input{font:inherit}.code{font:2em ui-monospace,monospace;letter-spacing:.1em}</style>"
            + "<h1>\(title)</h1><p>\(text)</p></html>\n"
        return Response(
            status: status,
            fields: [
                ("content-type", "text/html; charset=utf-8"), ("cache-control", "no-store"),
                (
                    "content-security-policy",
                    "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'"
                ),
                ("x-content-type-options", "nosniff"), ("referrer-policy", "no-referrer"),
            ], body: Array(html.utf8))
    }

    private static func escaped(_ text: String) -> String {
        text.replacing("&", with: "&amp;").replacing("<", with: "&lt;").replacing(">", with: "&gt;")
            .replacing("\"", with: "&quot;").replacing("'", with: "&#39;")
    }
}

extension String {
    /// Without the spaces and line ends that come along when something is pasted.
    fileprivate var trimmed: String {
        let isSpace: (Character) -> Bool = { $0.isWhitespace }
        guard let start = firstIndex(where: { !isSpace($0) }), let end = lastIndex(where: { !isSpace($0) }) else {
            return ""
        }
        return String(self[start...end])
    }
}
