import Crypto
import GatewayModel

/// Makes what a session carries. Tags are keyed, so that a client can come back to the endpoint it was given and
/// cannot choose, or learn about, any other.
struct SessionKey: Sendable {
    static let tagByteCount = 16

    private let key: SymmetricKey

    /// Without a configured secret, sessions end when the process does, and are not shared by replicas.
    init(_ secret: Secret?) {
        key = secret.map { $0.reveal { SymmetricKey(data: $0) } } ?? SymmetricKey(size: .bits256)
    }

    /// The lower-case hexadecimal name of an endpoint.
    func tag(backend: String, host: String, address: String) -> [UInt8] {
        seal("endpoint\0\(backend)\0\(host)\0\(address)")
    }

    /// Binds a tag to the second the session began.
    func stamp(tag: [UInt8], issuedSeconds: UInt64) -> [UInt8] {
        seal("session\0\(String(decoding: tag, as: UTF8.self))\0\(issuedSeconds)")
    }

    private func seal(_ text: String) -> [UInt8] {
        let code = HMAC<SHA256>.authenticationCode(for: Array(text.utf8), using: key)
        var tag: [UInt8] = []
        tag.reserveCapacity(Self.tagByteCount * 2)
        for byte in code.prefix(Self.tagByteCount) {
            tag.append(SessionKey.digit(byte >> 4))
            tag.append(SessionKey.digit(byte & 15))
        }
        return tag
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
}
