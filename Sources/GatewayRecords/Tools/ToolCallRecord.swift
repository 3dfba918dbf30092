package import GatewayModel

/// What a request to a room of tools was: the input of log, metrics and spans. Never an argument or a result, only
/// their digests.
package struct ToolCallRecord: Sendable {
    /// What came of it: a closed set, so that it may be a label.
    package enum Result: UInt8, Sendable, CaseIterable {
        case ok
        /// The tool itself says that it failed, or that its arguments do not fit.
        case toolError
        /// The gateway said no: policy, a pin, a limit, a wrong message.
        case refused
        /// It waits for a person, or for what its client has to fetch.
        case waiting
        /// The server did not do its part.
        case failed

        package var name: String {
            switch self {
            case .ok: "ok"
            case .toolError: "tool_error"
            case .refused: "refused"
            case .waiting: "waiting"
            case .failed: "failed"
            }
        }
    }

    /// The protocol's methods that are told apart.
    package enum Kind: UInt8, Sendable, CaseIterable {
        case toolCall, list, prompt, resource, other

        package init(_ method: String) {
            switch method {
            case "tools/call": self = .toolCall
            case "tools/list", "prompts/list", "resources/list", "resources/templates/list": self = .list
            case "prompts/get": self = .prompt
            case "resources/read": self = .resource
            default: self = .other
            }
        }

        package var name: String {
            switch self {
            case .toolCall: "tools/call"
            case .list: "list"
            case .prompt: "prompts/get"
            case .resource: "resources/read"
            case .other: "_OTHER"
            }
        }
    }

    package var method: String
    package var revision = ""
    /// The message's id as its client wrote it, and the session it is of; empty without one.
    package var requestID = ""
    package var session = ""
    /// The code of the JSON-RPC error that it is answered with.
    package var errorCode: Int?
    /// Of `MetricRegistry.backendSlot`; 0 where no server was asked.
    package var slot = 0
    package var server = ""
    /// The tool, prompt or resource by the server's own name.
    package var item = ""
    package var result = Result.refused
    package var verdict = ""
    package var risk: ToolRisk?
    /// SHA-256, hexadecimal: of the definition, of the arguments with their members in order, of the result as sent.
    package var pin = ""
    package var argumentsDigest = ""
    package var resultDigest = ""
    package var resultBytes = 0
    /// Why the arguments were not checked against the tool's schema, where that cannot be understood.
    package var unchecked = ""
    /// Words made unreadable in what came back.
    package var redactions = 0
    /// Of a list: how many the caller was shown.
    package var shownCount: Int?
    /// The approval that let the call run, or that it waits for; who decided it.
    package var approval = ""
    package var approvedBy = ""

    /// What the gateway asked a server for it, where the trace is followed.
    package var client: ToolClientRecord?

    package var kind: Kind { Kind(method) }

    package init(method: String) { self.method = method }

    /// Lends it where it lies: a copy is many texts.
    @inline(__always)
    package mutating func lend(_ body: (borrowing ToolCallRecord) -> Void) { body(self) }
}

/// One operation of the gateway at a server, as its client.
package struct ToolClientRecord: Sendable {
    /// How it failed: a closed set, so that it may be a label.
    package enum Failure: UInt8, Sendable, CaseIterable {
        case none
        /// The tool itself says that it failed.
        case toolError
        case timeout
        /// Nobody waited any more.
        case cancelled
        case other

        package var name: String {
            switch self {
            case .none: ""
            case .toolError: "tool_error"
            case .timeout: "timeout"
            case .cancelled: "cancelled"
            case .other: "_OTHER"
            }
        }
    }

    package var method: String
    package var startedNanoseconds: UInt64
    /// 0 where it goes on after its caller was answered.
    package var endedNanoseconds: UInt64 = 0
    /// The id under which the server was asked.
    package var requestID = ""
    package var revision = ""
    /// `host:port`; empty for a process.
    package var address = ""
    package var failure = Failure.none
    /// The code of the JSON-RPC error that the server answered with.
    package var errorCode: Int?

    package init(method: String, startedNanoseconds: UInt64) {
        self.method = method
        self.startedNanoseconds = startedNanoseconds
    }
}

/// A call on the record of its request: a reference, so that records of other requests stay small.
package final class ToolCallNote: Sendable {
    package let call: ToolCallRecord
    package init(_ call: consuming ToolCallRecord) { self.call = call }
}
