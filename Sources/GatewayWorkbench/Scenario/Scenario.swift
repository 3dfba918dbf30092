/// A scenario file: backends to serve, requests to send, what to expect of the answers.
/// The format is in Documentation/Scenarios.md; decoding is strict (`ScenarioDecoder`).
package struct Scenario: Sendable {
    package var name: String
    /// The file it came from, for messages and relative paths.
    package var file: String
    package var variables: [String: String]
    package var serve: [ScenarioBackend]
    package var steps: [ScenarioStep]
}

/// A mock started for the scenario. Sets the variables `NAME.port`, `NAME.authority` and `NAME.url`.
package struct ScenarioBackend: Sendable {
    package var name: String
    package var port = 0
    package var pod = MockPod()
    package var http2Only = false
}

/// One step: a request with expectations, or a look at what the backends got.
package struct ScenarioStep: Sendable {
    package var name: String
    package var request: ScenarioRequest?
    package var expect = ScenarioExpectation()
    package var capture: [(name: String, source: ScenarioCapture)] = []
    /// Runs of the step; `${index}` counts them from 0.
    package var repeats = 1
    package var parallel = 1
    /// Tries again until it passes or this time is over.
    package var eventuallyMilliseconds = 0
    /// How many requests each backend got since the last such step.
    package var served: [(backend: String, count: Int)] = []
    var line = 0
    var column = 0
}

package struct ScenarioRequest: Sendable {
    package enum Wire: String, Sendable, CaseIterable {
        case http1 = "h1"
        case http2 = "h2"
        case webSocket = "ws"
    }

    package var method = "GET"
    package var url = ""
    package var headers: [Header] = []
    package var body: String?
    package var json: JSONValue?
    package var wire: Wire?
    package var via: String?
    package var timeoutMilliseconds = 10_000
    package var tls: ScenarioTLS?
    /// WebSocket: texts to send.
    package var messages: [String] = []
}

/// Paths are relative to the scenario file.
package struct ScenarioTLS: Sendable {
    package var authorityFile: String?
    package var certificateFile: String?
    package var keyFile: String?
    package var serverName: String?
    package var insecure = false
}

package struct ScenarioExpectation: Sendable {
    package enum Text: Sendable {
        case equals(String)
        case contains(String)
        case matches(String)
        case absent
    }

    /// Any of these; empty: any status below 400.
    package var statuses: [Int] = []
    package var headers: [(name: String, text: Text)] = []
    package var trailers: [(name: String, text: Text)] = []
    package var body: [Text] = []
    package var json: [(path: String, value: JSONValue)] = []
    package var latencyMilliseconds: Int?
    /// The exchange has to fail in this way.
    package var failure: Failure?
    /// WebSocket: texts to receive, in order.
    package var messages: [String] = []

    package enum Failure: String, Sendable, CaseIterable { case reset, closed, timeout, connect, tls, `protocol` }
}

package enum ScenarioCapture: Sendable {
    case header(String)
    case json(String)
    /// The first group of the first match in the body, or the whole match.
    case regex(String)
    case status
}
