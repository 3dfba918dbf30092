package import GatewayModel

/// One condition of an object, in the Gateway API's words.
package struct StatusCondition: Sendable, Equatable {
    package var type: String
    package var isTrue: Bool
    package var reason: String
    package var message: String

    package init(_ type: String, _ isTrue: Bool, _ reason: String, _ message: String = "") {
        self.type = type
        self.isTrue = isTrue
        self.reason = reason
        self.message = message
    }
}

/// What compiling found out about one object: what `sluice describe` shows and Kubernetes gets as status.
package struct ObjectStatus: Sendable, Equatable {
    package var key: ObjectKey
    package var generation: Int
    /// Of the object itself: a Gateway, a policy.
    package var conditions: [StatusCondition] = []
    /// Of a Gateway.
    package var listeners: [ListenerStatus] = []
    /// Of a route: one entry per parentRef, in their order.
    package var parents: [ParentStatus] = []

    package init(key: ObjectKey, generation: Int) {
        self.key = key
        self.generation = generation
    }
}

/// `status.listeners[]` of a Gateway.
package struct ListenerStatus: Sendable, Equatable {
    package var name: String
    package var supportedKinds: [String]
    package var attachedRoutes: Int
    package var conditions: [StatusCondition]
}

/// `status.parents[]` of a route.
package struct ParentStatus: Sendable, Equatable {
    /// As written; nil when the route attached to the default gateway without saying so.
    package var reference: ParentReference?
    package var gateway: ObjectKey
    package var conditions: [StatusCondition]
}

extension Array where Element == StatusCondition {
    /// The condition of a type.
    package subscript(type: String) -> StatusCondition? { first { $0.type == type } }
}

/// Why a reference cannot be used: the condition's reason, and what a request that needs it is answered.
struct ReferenceProblem: Error {
    var reason: String
    var error: GatewayError

    init(_ reason: String, _ message: String) { self.init(reason, .invalidBackend, message) }

    init(_ reason: String, _ code: ErrorCode, _ message: String) {
        self.reason = reason
        error = GatewayError(code, message)
    }
}
