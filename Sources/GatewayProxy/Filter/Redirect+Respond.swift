import GatewayWire

extension Exchange {
    private static let colonSlashSlash: [UInt8] = [0x3A, 0x2F, 0x2F]

    /// Answers with another location (Gateway API `RequestRedirect`): what the filter leaves out is the request's own.
    /// The port, when left out, is the well-known one of a scheme that is given, else the listener's; a port that is
    /// its scheme's own is not written.
    func respond(to redirect: Redirect) {
        let ownScheme: [UInt8] = isSecure ? Array("https".utf8) : Array("http".utf8)
        let scheme = redirect.scheme ?? ownScheme
        let wellKnown = redirect.wellKnownPort(of: scheme)
        let port = redirect.port ?? (redirect.scheme == nil ? nil : wellKnown) ?? askedPort
        var location: [UInt8] = []
        let host = redirect.hostname ?? request.fields.copy(hostSlice())
        if !host.isEmpty {
            location += scheme
            location += Exchange.colonSlashSlash
            location += host
            if port != wellKnown {
                location.append(0x3A)
                location += Array(String(port).utf8)
            }
        }
        location += redirectTarget(redirect)
        response.reset()
        response.status = redirect.status
        response.fields.append(.location, location)
        respond(body: [])
    }

    /// The new path with the request's query.
    private func redirectTarget(_ redirect: Redirect) -> [UInt8] {
        guard let rewrite = redirect.path else { return request.fields.copy(request.target) }
        let start = request.fields.bytes.count
        rewrite.append(of: request.path, matchedBytes: matchedPathBytes, to: &request.fields.bytes)
        let path = Array(request.fields.bytes[start...])
        request.fields.bytes.removeLast(path.count)
        return path + request.fields.bytes[request.path.range.upperBound..<request.target.range.upperBound]
    }

    /// The host of the request's authority, without its port.
    private func hostSlice() -> Slice {
        let range = Router.host(of: request)
        return Slice(start: range.lowerBound, count: range.count)
    }
}

extension Redirect {
    /// 80 for `http`, 443 for `https`.
    fileprivate func wellKnownPort(of scheme: [UInt8]) -> Int? {
        switch scheme.count {
        case 4: 80
        case 5: 443
        default: nil
        }
    }
}
