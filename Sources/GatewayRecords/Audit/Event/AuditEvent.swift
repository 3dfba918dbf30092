package import GatewayModel

/// Something that must be remembered: what a room hands to the `AuditTrail`. It becomes one record of the log, in
/// OCSF 1.9's names; what is nil or empty is left out.
package struct AuditEvent: Sendable {
    /// What happened, as OCSF classes and activities tell it.
    package var kind: AuditKind
    /// When, in milliseconds of the wall clock since 1970.
    package var timeMilliseconds: Int
    /// When it was over, where one record tells beginning and end.
    package var endMilliseconds: Int?
    /// What ties the records of one request together: its request id.
    package var correlation: (UInt64, UInt64) = (0, 0)
    /// The W3C trace it belongs to.
    package var traceID: (UInt64, UInt64) = (0, 0)
    package var principal = Principal.anonymous
    /// The client's address, without a port.
    package var source = ""
    package var destination: AuditDestination?
    package var http: AuditHTTP?
    package var model: AuditModel?
    /// What was done, such as `chat`, `tools/call` or `update`.
    package var operation = ""
    /// What it was done to: a tool, an agent, an object, a path of the admin API.
    package var resource = ""
    package var decision: AuditDecision?
    package var effect: AuditEffect?
    package var credential: AuditCredential?
    /// Bytes from and to the client.
    package var traffic: AuditTraffic?
    package var request: AuditBody?
    package var response: AuditBody?
    /// In words, for people; never a secret.
    package var message = ""
    /// What rooms add, under `unmapped.details`.
    package var details: [AuditFact] = []

    package init(_ kind: AuditKind, timeMilliseconds: Int) {
        self.kind = kind
        self.timeMilliseconds = timeMilliseconds
    }
}

/// A class of OCSF 1.9 and an activity of it.
package struct AuditKind: Sendable, Hashable {
    package var classUID: Int
    package var activityID: Int
    /// What AuditPolicy rules and searches call the traffic.
    package var traffic: AuditTrafficKind

    package init(classUID: Int, activityID: Int, traffic: AuditTrafficKind) {
        self.classUID = classUID
        self.activityID = activityID
        self.traffic = traffic
    }

    /// API Activity (6003), Create: a model, a tool or an agent was called.
    package static let modelCall = AuditKind(classUID: 6003, activityID: 1, traffic: .models)
    package static let toolCall = AuditKind(classUID: 6003, activityID: 1, traffic: .tools)
    package static let agentCall = AuditKind(classUID: 6003, activityID: 1, traffic: .agents)
    /// API Activity (6003), Read, of the log itself.
    package static let auditRead = AuditKind(classUID: 6003, activityID: 2, traffic: .admin)
    /// Network Activity (4001), Open and Close: a tunnel.
    package static let tunnelOpened = AuditKind(classUID: 4001, activityID: 1, traffic: .egress)
    package static let tunnelClosed = AuditKind(classUID: 4001, activityID: 2, traffic: .egress)
    package static let tunnelRefused = AuditKind(classUID: 4001, activityID: 5, traffic: .egress)
    /// Authentication (3002), Logon.
    package static let authentication = AuditKind(classUID: 3002, activityID: 1, traffic: .tokens)
    /// Authorize Session (3003), Assign Privileges: a token was minted or exchanged.
    package static let tokenIssued = AuditKind(classUID: 3003, activityID: 1, traffic: .tokens)
    /// Authorize Session (3003), Other: a token, run or grant was revoked.
    package static let tokenRevoked = AuditKind(classUID: 3003, activityID: 99, traffic: .tokens)
    /// Entity Management (3004): objects of the configuration, keys, grants, approvals.
    package static let created = AuditKind(classUID: 3004, activityID: 1, traffic: .admin)
    package static let updated = AuditKind(classUID: 3004, activityID: 3, traffic: .admin)
    package static let deleted = AuditKind(classUID: 3004, activityID: 4, traffic: .admin)
    /// Detection Finding (2004), Create: a gap, a broken chain, something found in content.
    package static let finding = AuditKind(classUID: 2004, activityID: 1, traffic: .gateway)
    /// Application Lifecycle (6002), Start and Stop.
    package static let started = AuditKind(classUID: 6002, activityID: 3, traffic: .gateway)
    package static let stopped = AuditKind(classUID: 6002, activityID: 4, traffic: .gateway)

    /// HTTP Activity (4002), by the request's method.
    package static func http(method: String, traffic: AuditTrafficKind = .http) -> AuditKind {
        let activity =
            switch method {
            case "CONNECT": 1
            case "DELETE": 2
            case "GET": 3
            case "HEAD": 4
            case "OPTIONS": 5
            case "POST": 6
            case "PUT": 7
            case "TRACE": 8
            case "PATCH": 9
            default: 99
            }
        return AuditKind(classUID: 4002, activityID: activity, traffic: traffic)
    }

    /// The class's category: its thousands.
    var categoryUID: Int { classUID / 1_000 }
    var typeUID: Int { classUID * 100 + activityID }
}

/// Where a call, a request or a tunnel went.
package struct AuditDestination: Sendable, Equatable {
    package var host: String
    package var address: String
    package var port: Int
    /// What is known of the names that must agree, such as `sni` and `spki_sha256`.
    package var authority: [AuditFact]

    package init(host: String, address: String = "", port: Int = 0, authority: [AuditFact] = []) {
        self.host = host
        self.address = address
        self.port = port
        self.authority = authority
    }
}

/// The request's line and the answer's status.
package struct AuditHTTP: Sendable, Equatable {
    package var method: String
    package var host: String
    /// Without its query, which may hold secrets.
    package var path: String
    /// 0 while there is no answer.
    package var status: Int

    package init(method: String, host: String, path: String, status: Int = 0) {
        self.method = method
        self.host = host
        self.path = path
        self.status = status
    }
}

/// A call of a model.
package struct AuditModel: Sendable, Equatable {
    /// As the caller asked for it, and as the catalogue calls it.
    package var requested: String
    package var name: String
    /// Who served, and by which name there; empty before anyone did.
    package var provider = ""
    package var served = ""
    package var usage: TokenUsage?
    package var isEstimated = false
    package var cost: Money?
    package var attempts = 0

    package init(requested: String, name: String) {
        self.requested = requested
        self.name = name
    }
}

/// What policy said, and why: enough to decide the same again.
package struct AuditDecision: Sendable {
    package var verdict: AuditVerdict
    /// The rule's identity, such as `prod/limits#rules[2]`; empty where no rule spoke.
    package var rule = ""
    package var reason = ""
    /// The error that was answered.
    package var code: ErrorCode?
    /// Which configuration decided.
    package var revision = 0
    package var digest = ""
    /// Decided by nobody because the decider failed, and let through.
    package var isFailOpen = false
    /// What was looked at.
    package var facts: [AuditFact] = []

    package init(_ verdict: AuditVerdict) { self.verdict = verdict }
}

/// What came of it.
package struct AuditEffect: Sendable {
    package enum State: String, Sendable, CaseIterable {
        /// Before: it is about to be done.
        case pending
        case done
        /// It was begun, and did not come to its end.
        case aborted
        case failed
    }

    package var state: State
    /// What the other side answered; 0 for nothing.
    package var status = 0
    /// The other side did what was decided, and nothing else; nil when nobody can tell.
    package var agreement: Bool?
    package var durationMilliseconds: Int?

    package init(_ state: State, status: Int = 0) {
        self.state = state
        self.status = status
    }
}

/// The credential that went to the other side: its name, never its value.
package struct AuditCredential: Sendable, Equatable {
    package var id: String
    package var kind: String
    /// Seconds since 1970.
    package var expiresSeconds: Int?
    package var audience = ""
    /// SHA-256 of the `jti` of the token it was made from, hexadecimal.
    package var subjectHash = ""

    package init(id: String, kind: String) {
        self.id = id
        self.kind = kind
    }
}

package struct AuditTraffic: Sendable, Equatable {
    package var bytesIn: Int
    package var bytesOut: Int
    package init(bytesIn: Int, bytesOut: Int) {
        self.bytesIn = bytesIn
        self.bytesOut = bytesOut
    }
}

/// Content, as far as the level lets it be kept.
package struct AuditBody: Sendable, Equatable {
    package static let capturedBytesMax = 16 * 1024

    package var bytes: [UInt8]
    /// Of all of it; `bytes` may hold only its beginning.
    package var count: Int

    /// Keeps the beginning; `count` is all of it, where that is more.
    package init(_ bytes: some Collection<UInt8>, count: Int? = nil) {
        self.bytes = Array(bytes.prefix(AuditBody.capturedBytesMax))
        self.count = max(count ?? 0, bytes.count)
    }
}

/// A fact by its name.
package struct AuditFact: Sendable, Equatable {
    package enum Value: Sendable, Equatable {
        case text(String)
        case integer(Int)
        case flag(Bool)
        case list([String])
    }

    package var name: String
    package var value: Value

    package init(_ name: String, _ value: Value) {
        self.name = name
        self.value = value
    }

    package init(_ name: String, _ text: String) { self.init(name, .text(text)) }
    package init(_ name: String, _ number: Int) { self.init(name, .integer(number)) }
    package init(_ name: String, _ flag: Bool) { self.init(name, .flag(flag)) }
}
