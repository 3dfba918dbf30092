import Synchronization

/// How many tokens the stored responses of late came to: who builds upon one puts them in again. What is forgotten,
/// or was made by another gateway, is estimated by the model's context.
final class ResponseSizes: Sendable {
    /// Twice as many are remembered at most.
    private static let generationMax = 32_768

    private struct State {
        var young: [String: Int] = [:]
        var old: [String: Int] = [:]
    }

    private let state = Mutex(State())

    /// Remembers the tokens of a response, input and output, by the provider's own id of it.
    func note(_ id: String, at place: String, tokens: Int) {
        state.withLock { state in
            if state.young.count >= ResponseSizes.generationMax {
                state.old = state.young
                state.young = [:]
            }
            state.young["\(place) \(id)"] = tokens
        }
    }

    func tokens(_ id: String, at place: String) -> Int? {
        state.withLock { $0.young["\(place) \(id)"] ?? $0.old["\(place) \(id)"] }
    }
}
