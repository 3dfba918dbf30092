package import GatewayModel

/// What is known of one exchange when it settles: the input of the access log, metrics, traces and tap.
/// A plain value over names that already exist, so that recording allocates nothing.
package struct RequestRecord: Sendable {
    /// How the exchange ended.
    package enum Outcome: UInt8, Sendable {
        case completed, clientAborted, upstreamFailed, refused, timedOut, upgraded
    }

    // When: nanoseconds of the monotonic clock, and of the wall clock at the start.
    package var startedNanoseconds: UInt64 = 0
    package var wallNanoseconds: UInt64 = 0
    /// After match/identify/decide/admit, before handle; 0 if never reached. The same clock as the start.
    package var admittedNanoseconds: UInt64 = 0
    package var upstreamConnectedNanoseconds: UInt64 = 0
    package var upstreamFirstByteNanoseconds: UInt64 = 0
    package var endedNanoseconds: UInt64 = 0

    // What
    package var status: Int = 0
    package var outcome: Outcome = .completed
    package var errorCode: ErrorCode?
    /// What led to the error, in words for who runs the gateway: why a connection failed, or an answer was no HTTP.
    /// Of the network and of us, never of a message.
    package var errorCause = ""
    package var attempts: Int = 0
    package var requestBytes: UInt64 = 0
    package var responseBytes: UInt64 = 0
    package var downstreamProtocol: WireProtocol = .http11
    package var upstreamProtocol: WireProtocol?
    package var isTLS = false

    // Where: names fixed when the snapshot was compiled; `routeID` and `backendID` index metric slots.
    package var listener = ""
    package var route = ""
    package var rule = 0
    /// Slots of `MetricRegistry`; 0 is "none or past the bound".
    package var routeID = 0
    package var backendID = 0
    package var backend = ""
    package var upstreamAddress = ""
    package var verdictRule = ""

    /// The model call it was, if it was one.
    package var modelCall: ModelCallNote?
    /// The call of a tool it was, if it was one.
    package var toolCall: ToolCallNote?

    // Who
    package var clientAddress = ""
    package var principal: Principal?
    /// 16 bytes of request id as two words; printed as 32 hexadecimal digits.
    package var requestID: (UInt64, UInt64) = (0, 0)
    /// Which part of that request it is, from 1, such as a message of a batch; 0 for the request itself.
    package var part = 0
    /// The W3C trace context that went upstream.
    package var traceID: (UInt64, UInt64) = (0, 0)
    package var spanID: UInt64 = 0
    package var parentSpanID: UInt64 = 0
    package var traceSampled = false

    package enum WireProtocol: UInt8, Sendable {
        case http10, http11, http2, websocket, upgrade

        package var name: StaticString {
            switch self {
            case .http10: "HTTP/1.0"
            case .http11: "HTTP/1.1"
            case .http2: "HTTP/2"
            case .websocket: "websocket"
            case .upgrade: "upgrade"
            }
        }
    }

    package init() {}
}
