/// What the TrafficPolicies that apply to a rule ask of *identify*, *decide* and *admit*, merged and compiled.
package struct TrafficRules: Sendable {
    /// Quick test for the common case: no rule asks for anything.
    package var isEmpty = true

    package init() {}
    package static let none = TrafficRules()
}
