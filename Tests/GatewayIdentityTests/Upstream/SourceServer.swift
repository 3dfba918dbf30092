import Foundation
import GatewayModel
import GatewayWire
import Synchronization

@testable import GatewayIdentity

/// Whoever gives out credentials, in a test's hands: remembers what it is asked and answers by the URL.
final class SourceServer: Sendable {
    private let asked = Mutex<[OutboundRequest]>([])
    private let answers: Mutex<[String: [(Int, String)]]>

    /// The answers of a URL one after the other; the last one again and again.
    init(_ answers: [String: [(Int, String)]]) { self.answers = Mutex(answers) }

    static let token = "{\"access_token\":\"issued\",\"token_type\":\"Bearer\",\"expires_in\":3600}"

    var http: OutboundHTTP {
        OutboundHTTP { [self] request in
            asked.withLock { $0.append(request) }
            let (status, text) = answers.withLock { answers -> (Int, String) in
                guard var list = answers[request.url], let first = list.first else { return (404, "") }
                if list.count > 1 { list.removeFirst() }
                answers[request.url] = list
                return first
            }
            return OutboundResponse(status: status, fields: [], body: Array(text.utf8))
        }
    }

    var requests: [OutboundRequest] { asked.withLock { $0 } }

    /// The fields of a form that was sent, by name.
    func form(_ index: Int = 0) -> [String: String] {
        var fields: [String: String] = [:]
        for pair in String(decoding: requests[index].body, as: UTF8.self).split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            fields[String(parts[0])] = String(parts[1]).replacing("+", with: " ").removingPercentEncoding ?? "?"
        }
        return fields
    }

    func json(_ index: Int = 0) -> JSONTree { (try? JSONTree.parse(requests[index].body)) ?? .null }

    func field(_ name: String, _ index: Int = 0) -> String? {
        requests[index].fields.first { $0.name == name }?.value
    }
}

extension FetchedCredential {
    var text: String? {
        guard case .token(let secret) = credential else { return nil }
        return secret.reveal { String(decoding: $0, as: UTF8.self) }
    }
}
