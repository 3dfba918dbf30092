/// What an expression may cost, when it is read and each time it is evaluated.
package struct CELLimits: Sendable, Equatable {
    package var sourceBytesMax = 32 * 1024
    package var nodesMax = 10_000
    /// Levels of the expression; every recursion over it goes no deeper. Measured: 100 levels of the costliest kind
    /// take less than 512 KiB of stack, and less than 2 MiB without optimisation.
    package var depthMax = 100
    /// Steps of one evaluation: about one for each part evaluated, element visited or 16 bytes of text handled.
    package var costMax = 100_000

    package init() {}
}

/// Where the value of a variable is in an activation.
package struct CELSlot: Hashable, Sendable {
    let index: Int
}

/// The variables an expression may name, with their types. A dotted name declares a field of a record:
/// `declare("principal.user", .string)`; a record is no value itself, so that reading a field costs one look-up.
package struct CELEnvironment: Sendable {
    struct Variable: Sendable {
        var slot: Int
        var type: CELType
        var isField: Bool
    }

    private(set) var variables: [String: Variable] = [:]
    /// The fields of each record, in the order of declaration.
    private(set) var records: [String: [String]] = [:]
    /// The variables' names, by slot.
    package private(set) var names: [String] = []
    package var limits = CELLimits()
    /// Names are first looked up inside this one and those around it, as in `a.b`.
    package var container = ""
    /// When false, an unknown name or wrong type is an error only when evaluated.
    package var isChecked = true

    package init() {}

    /// Declares a variable, or returns the slot it already has.
    @discardableResult
    package mutating func declare(_ name: String, _ type: CELType) -> CELSlot {
        if let known = variables[name] { return CELSlot(index: known.slot) }
        let slot = names.count
        names.append(name)
        let parts = name.split(separator: ".").map(String.init)
        variables[name] = Variable(slot: slot, type: type, isField: parts.count > 1)
        for count in 1..<max(parts.count, 1) {
            let record = parts[..<count].joined(separator: ".")
            if !records[record, default: []].contains(parts[count]) {
                records[record, default: []].append(parts[count])
            }
        }
        return CELSlot(index: slot)
    }

    package func slot(_ name: String) -> CELSlot? { variables[name].map { CELSlot(index: $0.slot) } }

    package func type(of slot: CELSlot) -> CELType { variables[names[slot.index]]?.type ?? .dyn }

    /// An activation without values.
    package func activation() -> CELActivation { CELActivation(count: names.count) }
}

/// The values of an environment's variables for one evaluation or several. A field without a value reads as its type's
/// zero and `has()` is false; a variable without a value is an error when read.
package struct CELActivation: Sendable {
    var slots: [CELValue?]
    /// What macros bind; kept between evaluations so that they need no memory of their own.
    var locals: [CELValue] = []

    init(count: Int) {
        // One by one: `repeating` copies a value of an enum as what it may hold, and there are many.
        var slots: [CELValue?] = []
        slots.reserveCapacity(count)
        for _ in 0..<count { slots.append(nil) }
        self.slots = slots
    }

    package subscript(slot: CELSlot) -> CELValue? {
        get { slots[slot.index] }
        set { slots[slot.index] = newValue }
    }
}
