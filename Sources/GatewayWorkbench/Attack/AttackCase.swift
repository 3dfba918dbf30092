/// One piece of illegal traffic and what a safe gateway does with it.
package struct AttackCase: Sendable {
    package enum Severity: String, Sendable { case critical, high, medium, low }

    /// `group/name`.
    package var id: String
    package var title: String
    /// Where the rule stands.
    package var reference: String
    package var severity: Severity
    var traffic: Traffic
    var expectation: Expectation
    /// What may reach the upstream.
    var forwarding: Forwarding

    enum Traffic: Sendable {
        case http1(@Sendable (AttackSite) -> [AttackStep])
        /// Bytes after a TCP (or TLS with `h2`) connection is up; the cases bring their own preface.
        case http2(@Sendable (AttackSite) -> [AttackStep])
    }

    enum Expectation: Sendable {
        /// HTTP/1: one refusal with one of these statuses (or none) and a closed connection.
        case refused(Set<Int>)
        /// Refused as above, or served as one single ordinary request; the forwarded form decides.
        case refusedOrHarmless(Set<Int>)
        /// HTTP/1: answered or closed within the time a slow peer is given.
        case cutOff
        /// HTTP/2: GOAWAY or close.
        case connectionError
        /// HTTP/2: RST_STREAM on stream 1, a 4xx there, or a connection error.
        case streamError
        /// HTTP/2: the stream or connection ends within the time a slow peer is given.
        case streamCutOff
    }

    enum Forwarding: Sendable {
        case nothing
        /// The head may have gone on before the body turned out bad.
        case nothingComplete
        /// What is forwarded must pass this check besides the general ones; nil means it is right.
        case canonical(@Sendable (MockRequest) -> String?)
    }
}

/// What a case does on the wire.
enum AttackStep: Sendable {
    case send([UInt8])
    /// The bytes one by one with a pause after each, until the peer ends it or time is up.
    case drip([UInt8], milliseconds: Int)
    /// Closes the sending side.
    case finish

    static func text(_ text: String) -> AttackStep { .send(Array(text.utf8)) }
}

/// Where an attack goes.
struct AttackSite: Sendable {
    var authority: String
    /// The URL's path without a final slash.
    var prefix: String
    var isSecure: Bool
    /// How long to pause in slow traffic.
    var dripMilliseconds: Int

    /// A target under the URL's path.
    func path(_ rest: String) -> String { prefix + rest }
}
