import GatewayWire

extension Exchange {
    /// Changes the authority and the path the backend sees; the query stays.
    func apply(_ rewrite: URLRewrite) {
        if let hostname = rewrite.hostname { request.authority = request.fields.store(hostname) }
        guard let path = rewrite.path, !request.path.isEmpty,
            request.fields.bytes[request.path.range.lowerBound] == 0x2F
        else { return }
        let rest = request.target.range.upperBound - request.path.range.upperBound
        let queryStart = request.path.range.upperBound
        let start = request.fields.bytes.count
        path.append(of: request.path, matchedBytes: matchedPathBytes, to: &request.fields.bytes)
        request.path = Slice(start: start, count: request.fields.bytes.count - start)
        request.query = .empty
        if rest > 0 {
            for index in queryStart..<(queryStart + rest) { request.fields.bytes.append(request.fields.bytes[index]) }
            request.query = Slice(start: request.path.range.upperBound + 1, count: rest - 1)
        }
        request.target = Slice(start: start, count: request.fields.bytes.count - start)
    }
}

extension PathRewrite {
    /// Appends the new path to the store that also holds the old one, `path`.
    ///
    /// A replaced prefix keeps exactly one slash between itself and what follows: `/xyz` and `/xyz/` for `/foo` turn
    /// `/foo/bar` into `/xyz/bar`, and nothing turns `/foo` into `/`.
    func append(of path: Slice, matchedBytes: Int, to bytes: inout [UInt8]) {
        let start = bytes.count
        switch self {
        case .full(let replacement): bytes.append(contentsOf: replacement)
        case .prefix(let replacement):
            bytes.append(contentsOf: replacement)
            let rest = min(path.range.lowerBound + matchedBytes, path.range.upperBound)..<path.range.upperBound
            if !rest.isEmpty, bytes.count > start, bytes[bytes.count - 1] == 0x2F { bytes.removeLast() }
            for index in rest { bytes.append(bytes[index]) }
        }
        if bytes.count == start { bytes.append(0x2F) }
    }
}
