import Synchronization

/// Hands out the smallest free number, so that numbers can be array indices, and takes it back when its owner dies.
final class SmallNumbers: Sendable {
    private struct State {
        var next = 0
        var free: [Int] = []
    }

    private let state = Mutex(State())

    init() {}

    func take() -> Int {
        state.withLock { state in
            if let number = state.free.popLast() { return number }
            state.next += 1
            return state.next - 1
        }
    }

    func giveBack(_ number: Int) {
        state.withLock { $0.free.append(number) }
    }
}
