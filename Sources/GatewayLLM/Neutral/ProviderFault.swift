package import GatewayModel
import GatewayWire

/// An error a provider answered, in one vocabulary for all of them.
package struct ProviderFault: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        case invalidRequest, authentication, permission, notFound, tooLarge, rateLimited, quota, timeout, overloaded
        case server
    }

    package var kind: Kind
    /// What the provider said, unless it was about the gateway's own credential.
    package var message: String
    package var code: String?
    /// The field the provider blamed.
    package var field: String?

    package static let messageBytesMax = 2048

    package init(kind: Kind, message: String, code: String? = nil, field: String? = nil, isOwn: Bool = false) {
        self.kind = kind
        // A provider's complaint about a credential names part of it, and it is not the caller's.
        let isOurs = !isOwn && (kind == .authentication || kind == .permission)
        self.message = isOurs ? "the provider refused the gateway's credential" : ProviderFault.bounded(message)
        self.code = isOurs ? nil : code.map(ProviderFault.bounded)
        self.field = field.map(ProviderFault.bounded)
    }

    private static func bounded(_ text: String) -> String {
        guard text.utf8.count > messageBytesMax else { return text }
        return String(decoding: text.utf8.prefix(messageBytesMax), as: UTF8.self)
    }
}

extension ProviderFault.Kind {
    /// The kind an HTTP status means; 529 is Anthropic's own.
    package init(status: Int) {
        self =
            switch status {
            case 401: .authentication
            case 402: .quota
            case 403: .permission
            case 404: .notFound
            case 413: .tooLarge
            case 408, 504: .timeout
            case 429: .rateLimited
            case 503, 529: .overloaded
            case 400..<500: .invalidRequest
            default: .server
            }
    }

    /// The status a client gets: a provider that refuses the gateway's credential is not the caller's fault. Overload
    /// is 529 for Anthropic's clients only.
    package func status(for api: ConversationAPI) -> Int {
        switch self {
        case .invalidRequest: 400
        case .authentication, .permission, .server: 502
        case .notFound: 404
        case .tooLarge: 413
        case .rateLimited, .quota: 429
        case .timeout: 504
        case .overloaded: api == .messages ? 529 : 503
        }
    }
}

extension ProviderFault {
    /// An error of the gateway's own, to end a stream with.
    package init(_ error: GatewayError) {
        self.init(
            kind: Kind(status: error.code.httpStatus == 0 ? 500 : error.code.httpStatus),
            message: error.hint.map { error.message + " (" + $0 + ")" } ?? error.message, code: error.code.rawValue,
            isOwn: true)
    }

    /// The error in the client's own shape.
    package func body(for api: ConversationAPI) -> [UInt8] {
        switch api {
        case .chatCompletions, .responses: ChatFault.tree(self).bytes
        case .messages: MessagesFault.tree(self).bytes
        }
    }
}
