/// What a load run does: so many connections, each with so many requests one after the other, every
/// response looked at. Meant for "none lost, none mixed", not for benchmarks.
package struct LoadPlan: Sendable {
    package enum Kind: Sendable { case http, webSocket }

    package var url: String
    package var kind = Kind.http
    package var connections = 8
    package var requestsPerConnection = 1_000
    /// Requests side by side on one HTTP/2 connection; 1 elsewhere.
    package var streamsPerConnection = 1
    package var timeoutMilliseconds = 30_000
    /// A connection the server closed in good order between requests is opened again, as any client
    /// does (`Connection: close`, GOAWAY); an unanswered request is still a failure.
    package var reconnects = true
    /// The request with number `index`, counted over the whole run.
    package var request: @Sendable (_ index: Int) -> CallRequest
    /// nil when the response is right, else what is wrong with it.
    package var verify: @Sendable (_ index: Int, _ response: CompletedResponse) -> String?

    /// The standard plan posts its own number and expects to get it back from the mock's `/echo`.
    package init(url: String) {
        self.url = url
        request = { CallRequest("POST", "/echo?n=\($0)", body: .text("number \($0)")) }
        verify = { index, response in
            if response.status != 200 { return "status \(response.status)" }
            return response.text == "number \(index)" ? nil : "body \(response.text.prefix(80))"
        }
    }

    package var requestCount: Int { connections * requestsPerConnection }
}

/// What came of a load run.
package struct LoadReport: Sendable {
    package var sent = 0
    package var verified = 0
    /// Asked again because the server said it had not processed the request (GOAWAY, REFUSED_STREAM).
    package var retried = 0
    /// How often each thing went wrong.
    package var failures: [String: Int] = [:]
    package var connectionsOpened = 0
    package var milliseconds = 0
    /// Sorted samples, at most `samplesMax` a worker.
    package var latenciesMicroseconds: [Int] = []

    package var failed: Int { failures.values.reduce(0, +) }
    package var requestsPerSecond: Double { milliseconds == 0 ? 0 : Double(verified) * 1000 / Double(milliseconds) }

    package func percentileMicroseconds(_ percent: Double) -> Int {
        guard let last = latenciesMicroseconds.last else { return 0 }
        let index = Int(Double(latenciesMicroseconds.count) * percent / 100)
        return index < latenciesMicroseconds.count ? latenciesMicroseconds[index] : last
    }

    mutating func merge(_ other: LoadReport) {
        sent += other.sent
        verified += other.verified
        retried += other.retried
        connectionsOpened += other.connectionsOpened
        failures.merge(other.failures) { $0 + $1 }
        latenciesMicroseconds += other.latenciesMicroseconds
    }
}
