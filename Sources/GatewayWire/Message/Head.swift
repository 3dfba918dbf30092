/// The methods the gateway tells apart; anything else is `.other` and named by `RequestHead.methodName`.
package enum HTTPMethod: UInt8, Sendable {
    case get, head, post, put, delete, connect, options, trace, patch, other

    /// Whether a repeated request has the effect of one (RFC 9110 section 9.2.2).
    package var isIdempotent: Bool {
        switch self {
        case .get, .head, .put, .delete, .options, .trace: true
        case .post, .patch, .connect, .other: false
        }
    }
}

/// The protocol a message came by or leaves by.
package enum HTTPVersion: UInt8, Sendable {
    case http10, http11, http2
}

/// How the length of a body is known.
package enum BodyFraming: Sendable, Equatable {
    case none
    case length(UInt64)
    /// `Transfer-Encoding: chunked`, or an HTTP/2 body of unknown length.
    case chunked
    /// Until the connection closes; responses only.
    case untilClose
}

/// What the `Connection` field of an HTTP/1 message asked for.
package struct ConnectionOptions: OptionSet, Sendable {
    package let rawValue: UInt8
    @inlinable
    package init(rawValue: UInt8) { self.rawValue = rawValue }
    /// Not the standard library's: that one looks generic types up at run time, once for every message.
    package init(arrayLiteral elements: ConnectionOptions...) {
        var bits: UInt8 = 0
        for element in elements { bits |= element.rawValue }
        rawValue = bits
    }
    @inlinable package static var none: ConnectionOptions { ConnectionOptions(rawValue: 0) }
    @inlinable package static var close: ConnectionOptions { ConnectionOptions(rawValue: 1) }
    @inlinable package static var keepAlive: ConnectionOptions { ConnectionOptions(rawValue: 2) }
    @inlinable package static var upgrade: ConnectionOptions { ConnectionOptions(rawValue: 4) }
}

/// A request's head in canonical form. All slices point into `fields.bytes`; hop-by-hop fields
/// (`connection` and what it names, `keep-alive`, `te` but for trailers, `transfer-encoding`, `upgrade`,
/// `proxy-connection`, `content-length`, `host`) are taken out of `fields` by the parser and live in the
/// members below, so that what is judged is what is forwarded.
package struct RequestHead: Sendable {
    package var fields = FieldBlock()
    package var method: HTTPMethod = .get
    package var methodName: Slice = .empty
    /// Canonical path and query as forwarded: `/a/b?x=1`; `*` for OPTIONS; empty for CONNECT.
    package var target: Slice = .empty
    /// The path part of `target`.
    package var path: Slice = .empty
    /// The query part of `target` without `?`; empty when there is none.
    package var query: Slice = .empty
    /// `Host`, `:authority` or the authority of an absolute target: lower case, with port if one was given.
    package var authority: Slice = .empty
    package var version: HTTPVersion = .http11
    package var framing: BodyFraming = .none
    package var connection: ConnectionOptions = .none
    /// The protocol of `Upgrade`, lower case, or `:protocol` of an extended CONNECT; empty when none.
    package var upgrade: Slice = .empty
    package var expectsContinue = false
    /// `te: trailers` was said.
    package var acceptsTrailers = false

    package init() {}

    /// Back to empty, memory kept.
    package mutating func reset() {
        fields.removeAll()
        method = .get
        methodName = .empty
        target = .empty
        path = .empty
        query = .empty
        authority = .empty
        version = .http11
        framing = .none
        connection = .none
        upgrade = .empty
        expectsContinue = false
        acceptsTrailers = false
    }
}

/// A response's head in canonical form; hop-by-hop fields and lengths are taken out as in `RequestHead`.
package struct ResponseHead: Sendable {
    package var fields = FieldBlock()
    package var status: Int = 200
    package var version: HTTPVersion = .http11
    package var framing: BodyFraming = .none
    package var connection: ConnectionOptions = .none
    /// The protocol a 101 switches to, lower case.
    package var upgrade: Slice = .empty

    package init() {}
    package init(status: Int) { self.status = status }

    /// 1xx other than 101: another head follows.
    package var isInterim: Bool { ResponseHead.isInterim(status) }

    /// The same, to be asked without a copy of the head.
    package static func isInterim(_ status: Int) -> Bool { status < 200 && status != 101 }

    /// Back to empty, memory kept.
    package mutating func reset() {
        fields.removeAll()
        status = 200
        version = .http11
        framing = .none
        connection = .none
        upgrade = .empty
    }
}
