import GatewayPolicy

/// What *admit* took on behalf of a request and *settle* gives back, exactly once.
struct Admission {
    /// A permit gives its place back when it is released; the box lets an array own it.
    private final class Held {
        let permit: ConcurrencyPermit
        init(_ permit: consuming ConcurrencyPermit) { self.permit = permit }
    }

    private var held: [Held] = []

    var isEmpty: Bool { held.isEmpty }

    mutating func hold(_ permit: consuming ConcurrencyPermit) { held.append(Held(permit)) }

    mutating func release() { held.removeAll() }
}
