package import GatewayModel
package import GatewayWire

/// Where a request came in, for facts that are neither in its head nor in its principal. `clientIP` has no port.
package struct FactPlace: Sendable {
    package var clientIP: String
    package var listener: String
    package var route: String

    package init(clientIP: String = "", listener: String = "", route: String = "") {
        self.clientIP = clientIP
        self.listener = listener
        self.route = route
    }
}

/// The values of some facts as one 64-bit key, made without building text.
///
/// The hash is the standard library's keyed SipHash, seeded at random per process: who does not know the seed
/// cannot aim for another caller's key, and among a million keys two collide by chance once in 37 million tries.
package struct FactKey: Sendable, Hashable {
    package let hash: UInt64

    package init(hash: UInt64) { self.hash = hash }

    /// The key of these facts. A fact without a value counts as a value of its own, different from empty text, so
    /// that requests without the fact share one key instead of escaping the limit.
    package init(
        _ facts: [Fact], request: borrowing RequestHead, principal: Principal?, place: borrowing FactPlace
    ) {
        var hasher = Hasher()
        for fact in facts {
            fact.feed(&hasher, request, principal, place)
        }
        hash = UInt64(bitPattern: Int64(hasher.finalize()))
    }
}

extension Fact {
    /// Whether the request has a value for this fact.
    package func isPresent(
        request: borrowing RequestHead, principal: Principal?, place: borrowing FactPlace
    ) -> Bool {
        var hasher = Hasher()
        return feed(&hasher, request, principal, place)
    }

    /// Adds the fact's value to the hash; false if it has none.
    @discardableResult
    func feed(
        _ hasher: inout Hasher, _ request: borrowing RequestHead, _ principal: Principal?,
        _ place: borrowing FactPlace
    ) -> Bool {
        switch self {
        case .clientIP: return Fact.feed(&hasher, place.clientIP)
        case .listener: return Fact.feed(&hasher, place.listener)
        case .route: return Fact.feed(&hasher, place.route)
        case .user: return Fact.feed(&hasher, principal?.user)
        case .tenant: return Fact.feed(&hasher, principal?.tenant)
        case .agent: return Fact.feed(&hasher, principal?.agent)
        case .credential: return Fact.feed(&hasher, principal?.originCredentialID)
        case .groups:
            guard let groups = principal?.groups, !groups.isEmpty else { return Fact.feedAbsence(&hasher) }
            hasher.combine(groups.count)
            // Sorted: the order in a token or a file says nothing.
            for group in groups.sorted() { Fact.feed(&hasher, group) }
            return true
        case .method: return Fact.feedMethod(&hasher, request)
        case .host: return Fact.feed(&hasher, request.fields.bytes.span.extracting(Fact.host(of: request)))
        case .path: return Fact.feed(&hasher, request.fields.bytes.span.extracting(request.path.range))
        case .header(let name): return Fact.feedHeader(&hasher, request, name)
        case .query(let name):
            guard let value = QueryParameter.first(name, in: request) else { return Fact.feedAbsence(&hasher) }
            return Fact.feed(&hasher, request.fields.bytes.span.extracting(value))
        case .cookie(let name):
            guard let value = RequestCookie.first(name, in: request) else { return Fact.feedAbsence(&hasher) }
            return Fact.feed(&hasher, request.fields.bytes.span.extracting(value))
        }
    }

    private static func feedMethod(_ hasher: inout Hasher, _ request: borrowing RequestHead) -> Bool {
        hasher.combine(request.method.rawValue)
        if request.method == .other {
            return feed(&hasher, request.fields.bytes.span.extracting(request.methodName.range))
        }
        return true
    }

    /// All values in order: a field may be sent more than once.
    private static func feedHeader(
        _ hasher: inout Hasher, _ request: borrowing RequestHead, _ name: [UInt8]
    ) -> Bool {
        var isPresent = false
        for index in request.fields.entries.indices {
            let entry = request.fields.entries[index]
            guard request.fields.equals(entry.name, name) else { continue }
            isPresent = true
            feed(&hasher, request.fields.bytes.span.extracting(entry.value.range))
        }
        return isPresent || feedAbsence(&hasher)
    }

    /// With its length, so that ("a", "bc") and ("ab", "c") differ.
    @discardableResult
    private static func feed(_ hasher: inout Hasher, _ bytes: Span<UInt8>) -> Bool {
        hasher.combine(bytes.count)
        // Safe: the hasher only reads.
        unsafe bytes.withUnsafeBytes { unsafe hasher.combine(bytes: $0) }
        return true
    }

    @discardableResult
    private static func feed(_ hasher: inout Hasher, _ text: String?) -> Bool {
        guard let text, !text.isEmpty else { return feedAbsence(&hasher) }
        return feed(&hasher, text.utf8Span.span)
    }

    private static func feedAbsence(_ hasher: inout Hasher) -> Bool {
        hasher.combine(-1)
        return false
    }
}

extension Fact {
    /// The authority without its port, which a caller may vary at will.
    fileprivate static func host(of request: borrowing RequestHead) -> Range<Int> {
        let range = request.authority.range
        var end = range.upperBound
        while end > range.lowerBound, (0x30...0x39).contains(request.fields.bytes[end - 1]) { end -= 1 }
        let hasPort = end > range.lowerBound && end < range.upperBound && request.fields.bytes[end - 1] == 0x3A
        return hasPort ? range.lowerBound..<(end - 1) : range
    }
}
