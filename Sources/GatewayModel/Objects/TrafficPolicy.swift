/// How traffic is treated (sluice.dev/v1alpha1); attaches to a Gateway, a listener, a route, a rule, or a backend.
package struct TrafficPolicy: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: TrafficPolicySpec
}

package struct TrafficPolicySpec: ConfigObject {
    package var targetRefs: [PolicyTargetReference]
    package var timeouts: TrafficTimeouts?
    package var retry: TrafficRetry?
    package var loadBalancing: LoadBalancing?
    package var circuitBreaker: CircuitBreaker?
    package var outlierDetection: OutlierDetection?
    package var hedging: Hedging?
    package var rateLimits: [RateLimit]
    package var concurrency: ConcurrencyLimit?
    package var limits: TrafficLimits?
    package var cors: HTTPCORSFilter?
    package var ipAccess: IPAccess?
    package var compression: Compression?
    package var cache: ResponseCache?
    package var authentication: Authentication?

    package init(_ fields: FieldReader) {
        targetRefs = fields.list(
            "targetRefs", "what it is about: Gateway, HTTPRoute, Service or Backend", count: 1...16)
        timeouts = fields.optional("timeouts", "how long things may take")
        retry = fields.optional("retry", "when to try again")
        loadBalancing = fields.optional("loadBalancing", "how an endpoint is chosen")
        circuitBreaker = fields.optional("circuitBreaker", "how much a backend may be asked at once")
        outlierDetection = fields.optional("outlierDetection", "leave out endpoints that fail")
        hedging = fields.optional("hedging", "ask a second endpoint when the first is slow; off by default")
        rateLimits = fields.list("rateLimits", "how many requests in what time", count: 0...64)
        concurrency = fields.optional("concurrency", "how many requests at once")
        limits = fields.optional("limits", "how large a request may be")
        cors = fields.optional("cors", "which other origins' pages may call")
        ipAccess = fields.optional("ipAccess", "which client addresses may call")
        compression = fields.optional("compression", "compress answers")
        cache = fields.optional("cache", "keep answers")
        authentication = fields.optional("authentication", "who must show who they are")
        var names: Set<String> = []
        for limit in rateLimits {
            fields.check(
                names.insert(limit.name).inserted, at: "rateLimits", .duplicateKey,
                "duplicate rate limit \"\(limit.name)\"", hint: "give every rate limit its own name")
        }
    }
}

package struct TrafficTimeouts: ConfigObject {
    package var connect: ConfigDuration?
    package var firstByte: ConfigDuration?
    package var idle: ConfigDuration?
    package var total: ConfigDuration?
    package var perTry: ConfigDuration?

    package init(_ fields: FieldReader) {
        connect = fields.optional("connect", "until the backend's connection stands, TLS included", .positive)
        firstByte = fields.optional("firstByte", "until the answer's head arrives", .positive)
        idle = fields.optional("idle", "without a byte in either direction", .positive)
        total = fields.optional("total", "the whole exchange, retries included", .positive)
        perTry = fields.optional("perTry", "one try at a backend", .positive)
        if let total, let perTry {
            fields.check(
                perTry <= total, at: "perTry", "perTry \(perTry) is longer than total", hint: "make it at most \(total)"
            )
        }
    }
}

package struct TrafficRetry: ConfigObject {
    package struct Backoff: ConfigObject {
        package var base: ConfigDuration
        package var max: ConfigDuration

        package init(_ fields: FieldReader) {
            base = fields.value(
                "base", default: ConfigDuration(milliseconds: 25), shown: .text("25ms"), "the first wait", .positive)
            max = fields.value(
                "max", default: ConfigDuration(milliseconds: 250), shown: .text("250ms"), "the longest wait", .positive)
            fields.check(base <= max, at: "base", "base \(base) is longer than max", hint: "make it at most \(max)")
        }
    }

    package var attempts: Int
    package var on: [RetryCondition]
    package var backoff: Backoff?
    /// Retries may be this share of the requests.
    package var budgetPercent: Int
    /// And this many a second in any case.
    package var budgetMinPerSecond: Int

    package init(_ fields: FieldReader) {
        attempts = fields.value("attempts", default: 1, "how many more tries", .range(0...100))
        on =
            fields.optionalList(
                "on",
                "what is worth another try: statuses, connect-failure, reset, timeout; connect-failure by default",
                count: 0...64) ?? [.connectFailure]
        backoff = fields.optional("backoff", "how long to wait between tries")
        budgetPercent = fields.value("budgetPercent", default: 20, "retries as a share of requests", .percent)
        budgetMinPerSecond = fields.value(
            "budgetMinPerSecond", default: 10, "retries allowed in any case", .range(0...1_000_000))
    }
}

package enum RetryCondition: ConfigValue, Hashable {
    case status(Int)
    case connectFailure
    case reset
    case timeout

    private static let words: [(String, RetryCondition)] = [
        ("connect-failure", .connectFailure), ("reset", .reset), ("timeout", .timeout),
    ]

    package static func decode(_ value: ValueReader) -> RetryCondition? {
        switch value.node.value {
        case .number(let text):
            if let status = Int(text), (400...599).contains(status) { return .status(status) }
            value.reportInvalid(text, hint: "write a status between 400 and 599")
        case .string(let text):
            if let found = words.first(where: { $0.0 == text }) { return found.1 }
            value.reportInvalid("\"\(text)\"", hint: NearestName.hint(text, among: words.map(\.0)))
        default: value.reportWrongType(expected: "a status or one of connect-failure, reset, timeout")
        }
        return nil
    }

    package static var placeholder: RetryCondition { .connectFailure }
    package static var schema: ConfigNode {
        .object([
            (
                "anyOf",
                .list([
                    .object([("type", .text("integer")), ("minimum", .integer(400)), ("maximum", .integer(599))]),
                    .object([("enum", .list(words.map { .text($0.0) }))]),
                ])
            )
        ])
    }
}

package struct CircuitBreaker: ConfigObject {
    package var connectionsMax: Int?
    package var pendingMax: Int?
    package var requestsMax: Int?
    package var streamsPerConnectionMax: Int?

    package init(_ fields: FieldReader) {
        connectionsMax = fields.optional("connectionsMax", "connections to one backend", .atLeast(1))
        pendingMax = fields.optional("pendingMax", "requests waiting for a connection", .atLeast(0))
        requestsMax = fields.optional("requestsMax", "requests at once", .atLeast(1))
        streamsPerConnectionMax = fields.optional(
            "streamsPerConnectionMax", "HTTP/2 streams on one connection", .atLeast(1))
    }
}

/// Passive health: an endpoint that keeps failing is left out for a while.
package struct OutlierDetection: ConfigObject {
    package var consecutiveFailures: Int
    package var interval: ConfigDuration
    package var ejectionTime: ConfigDuration
    package var ejectionPercentMax: Int

    package init(_ fields: FieldReader) {
        consecutiveFailures = fields.value(
            "consecutiveFailures", default: 5, "failures in a row until it is left out", .atLeast(1))
        interval = fields.value(
            "interval", default: ConfigDuration(milliseconds: 10_000), shown: .text("10s"),
            "failures further apart than this are not in a row", .positive)
        ejectionTime = fields.value(
            "ejectionTime", default: ConfigDuration(milliseconds: 30_000), shown: .text("30s"),
            "how long it is left out, times the number of ejections", .positive)
        ejectionPercentMax = fields.value(
            "ejectionPercentMax", default: 50, "never leave out more than this share", .percent)
    }
}

package struct Hedging: ConfigObject {
    package var after: ConfigDuration
    package var percentMax: Int

    package init(_ fields: FieldReader) {
        after = fields.required("after", "how long to wait for the first endpoint", .positive)
        percentMax = fields.value("percentMax", default: 5, "second requests as a share of all", .percent)
    }
}
