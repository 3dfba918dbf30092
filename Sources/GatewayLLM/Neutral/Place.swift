/// Where something stands in the body of a request, for errors and losses: `messages[3].content[0].type`.
package struct Place: Sendable {
    private struct Step {
        var name: StaticString
        /// −1 where there is none.
        var index: Int
    }

    private var steps = InlineArray<5, Step>(repeating: Step(name: "", index: -1))
    private var count = 0

    /// The body itself.
    package static let body = Place()

    private init() {}

    package func field(_ name: StaticString) -> Place { adding(Step(name: name, index: -1)) }
    package func item(_ name: StaticString, _ index: Int) -> Place { adding(Step(name: name, index: index)) }

    private func adding(_ step: Step) -> Place {
        guard count < steps.count else { return self }
        var place = self
        place.steps[count] = step
        place.count += 1
        return place
    }

    /// The path with its indices; the whole body is `the body`.
    package var path: String { text { "[\($0)]" } }

    /// The path of all its like: `messages[].content[].cache_control`.
    package var pattern: String { text { _ in "[]" } }

    private func text(_ index: (Int) -> String) -> String {
        guard count > 0 else { return "the body" }
        var text = ""
        for position in 0..<count {
            let step = steps[position]
            if position > 0 { text += "." }
            text += step.name.description
            if step.index >= 0 { text += index(step.index) }
        }
        return text
    }
}
