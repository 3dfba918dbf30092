package import GatewayModel

/// One rule of one route, ready to run: what to change, where to send, how long to wait. Everything that can be
/// decided when the configuration is compiled has been.
package final class CompiledRule: Sendable {
    /// `namespace/name` of the route, for records.
    package let routeName: String
    /// Position of the rule in its route; its `name` if it has one.
    package let ruleIndex: Int
    package let ruleName: String?
    /// Index of the metric slot of this route.
    package let metricSlot: Int
    package let action: RouteAction
    /// A room serves it: to be asked without a copy of the action.
    let isRoom: Bool
    package let requestEdits: HeaderEdits
    package let responseEdits: HeaderEdits
    package let rewrite: URLRewrite?
    package let mirrors: [Mirror]
    package let cors: CORSPolicy?
    package let timeouts: RouteTimeouts
    package let retry: RetryPolicy?
    package let persistence: SessionPersistence?
    package let policy: TrafficRules

    package init(
        routeName: String, ruleIndex: Int, ruleName: String? = nil, metricSlot: Int, action: RouteAction,
        requestEdits: HeaderEdits = .none, responseEdits: HeaderEdits = .none, rewrite: URLRewrite? = nil,
        mirrors: [Mirror] = [], cors: CORSPolicy? = nil, timeouts: RouteTimeouts = RouteTimeouts(),
        retry: RetryPolicy? = nil, persistence: SessionPersistence? = nil, policy: TrafficRules = .none
    ) {
        self.routeName = routeName
        self.ruleIndex = ruleIndex
        self.ruleName = ruleName
        self.metricSlot = metricSlot
        self.action = action
        isRoom = if case .room = action { true } else { false }
        self.requestEdits = requestEdits
        self.responseEdits = responseEdits
        self.rewrite = rewrite
        self.mirrors = mirrors
        self.cors = cors
        self.timeouts = timeouts
        self.retry = retry
        self.persistence = persistence
        self.policy = policy
    }
}

/// What the *handle* phase does with a request of a rule.
package enum RouteAction: Sendable {
    /// Proxy to one of these by weight; `totalWeight` is their sum.
    case forward([WeightedBackend], totalWeight: Int)
    case redirect(Redirect)
    case respond(DirectResponse)
    /// The route is attached but cannot serve: no backendRefs (500), say.
    case refuse(GatewayError)
    /// A later room: models, tools, agents, the admin API.
    case room(any RouteHandler)
}

/// A backend of a rule with its share and its own header filters.
package final class WeightedBackend: Sendable {
    package enum Target: Sendable {
        case backend(CompiledBackend)
        /// The reference is dangling or forbidden: its share of requests answers with this error.
        case refuse(GatewayError)
        /// A filter of the reference answers in the backend's place.
        case redirect(Redirect)
        case respond(DirectResponse)
    }
    package let weight: Int
    package let target: Target
    package let requestEdits: HeaderEdits
    package let responseEdits: HeaderEdits
    package let mirrors: [Mirror]
    package let rewrite: URLRewrite?

    package init(
        weight: Int, target: Target, requestEdits: HeaderEdits = .none, responseEdits: HeaderEdits = .none,
        mirrors: [Mirror] = [], rewrite: URLRewrite? = nil
    ) {
        self.weight = weight
        self.target = target
        self.requestEdits = requestEdits
        self.responseEdits = responseEdits
        self.mirrors = mirrors
        self.rewrite = rewrite
    }
}

/// Changes to fields, names lower case, applied in the order set, add, remove.
package struct HeaderEdits: Sendable {
    package struct Field: Sendable {
        package var name: [UInt8]
        package var value: [UInt8]
        package init(name: [UInt8], value: [UInt8]) {
            self.name = name
            self.value = value
        }
    }
    package var set: [Field]
    package var add: [Field]
    package var remove: [[UInt8]]
    package let isEmpty: Bool
    /// Then also a name without any may look like one of these.
    let hasUnderscoredName: Bool

    package init(set: [Field] = [], add: [Field] = [], remove: [[UInt8]] = []) {
        self.set = set
        self.add = add
        self.remove = remove
        self.isEmpty = set.isEmpty && add.isEmpty && remove.isEmpty
        let names = (set + add).map(\.name) + remove
        self.hasUnderscoredName = names.contains { $0.contains(UInt8(ascii: "_")) }
    }

    package static let none = HeaderEdits()
}

/// A change of authority or path before the request goes upstream (Gateway API `URLRewrite`).
package struct URLRewrite: Sendable {
    package var hostname: [UInt8]?
    package var path: PathRewrite?
    package init(hostname: [UInt8]? = nil, path: PathRewrite? = nil) {
        self.hostname = hostname
        self.path = path
    }
}

package enum PathRewrite: Sendable {
    case full([UInt8])
    /// Replaces the prefix the rule matched by.
    case prefix([UInt8])
}

/// Gateway API `RequestRedirect`.
package struct Redirect: Sendable {
    package var scheme: [UInt8]?
    package var hostname: [UInt8]?
    package var path: PathRewrite?
    package var port: Int?
    package var status: Int
    package init(scheme: [UInt8]?, hostname: [UInt8]?, path: PathRewrite?, port: Int?, status: Int) {
        self.scheme = scheme
        self.hostname = hostname
        self.path = path
        self.port = port
        self.status = status
    }
}

/// A fixed answer.
package struct DirectResponse: Sendable {
    package var status: Int
    package var headers: [HeaderEdits.Field]
    package var body: [UInt8]
    package init(status: Int, headers: [HeaderEdits.Field] = [], body: [UInt8] = []) {
        self.status = status
        self.headers = headers
        self.body = body
    }
}

/// A copy of the request goes here and its answer is thrown away.
package struct Mirror: Sendable {
    package var backend: CompiledBackend
    /// The share of requests copied, numerator of `denominator`.
    package var numerator: Int
    package var denominator: Int
    package init(backend: CompiledBackend, numerator: Int = 100, denominator: Int = 100) {
        self.backend = backend
        self.numerator = numerator
        self.denominator = denominator
    }
}

/// How long a request may take, nanoseconds; 0 means no bound.
package struct RouteTimeouts: Sendable {
    /// The whole request, as the client sees it (`timeouts.request`).
    package var totalNanoseconds: UInt64 = 0
    /// One attempt at a backend, to the end of its answer (`timeouts.backendRequest`).
    package var attemptNanoseconds: UInt64 = 0
    package var firstByteNanoseconds: UInt64 = 0
    package var idleNanoseconds: UInt64 = 0
    package var connectNanoseconds: UInt64 = 5_000_000_000
    package init() {}
}

/// When and how often to try again.
package struct RetryPolicy: Sendable {
    /// Attempts beyond the first.
    package var attemptsMax: Int
    package var statuses: [Int]
    package var onConnectFailure: Bool
    package var onReset: Bool
    package var onTimeout: Bool
    package var backoffBaseNanoseconds: UInt64
    package var backoffMaxNanoseconds: UInt64
    /// Retries allowed as a share of requests, percent, over the backend's recent traffic; and a floor.
    package var budgetPercent: Int
    package var budgetMinPerSecond: Int

    package init(
        attemptsMax: Int, statuses: [Int] = [], onConnectFailure: Bool = true, onReset: Bool = true,
        onTimeout: Bool = true, backoffBaseNanoseconds: UInt64 = 25_000_000,
        backoffMaxNanoseconds: UInt64 = 1_000_000_000, budgetPercent: Int = 20, budgetMinPerSecond: Int = 10
    ) {
        self.attemptsMax = attemptsMax
        self.statuses = statuses
        self.onConnectFailure = onConnectFailure
        self.onReset = onReset
        self.onTimeout = onTimeout
        self.backoffBaseNanoseconds = backoffBaseNanoseconds
        self.backoffMaxNanoseconds = backoffMaxNanoseconds
        self.budgetPercent = budgetPercent
        self.budgetMinPerSecond = budgetMinPerSecond
    }
}

/// Sends a session's requests to the endpoint that served its first one.
package struct SessionPersistence: Sendable {
    package enum Carrier: Sendable { case cookie, header }
    package var carrier: Carrier
    package var name: [UInt8]
    /// Of the cookie (`lifetimeType: Permanent`); 0 means that it ends with the browser's session.
    package var lifetimeSeconds: Int
    /// `absoluteTimeout`: a session that began longer ago is not followed; 0 means no bound.
    package var timeoutSeconds: Int
    package init(carrier: Carrier, name: [UInt8], lifetimeSeconds: Int, timeoutSeconds: Int = 0) {
        self.carrier = carrier
        self.name = name
        self.lifetimeSeconds = lifetimeSeconds
        self.timeoutSeconds = timeoutSeconds
    }
}
