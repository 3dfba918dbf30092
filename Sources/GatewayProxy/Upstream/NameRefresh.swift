/// When a name is looked up again: soon after success, ever later after failures, always with jitter, so that
/// replicas and names do not ask in step.
struct NameRefresh: Equatable {
    static let intervalNanoseconds: UInt64 = 5_000_000_000
    static let retryNanosecondsMin: UInt64 = 1_000_000_000
    static let retryNanosecondsMax: UInt64 = 60_000_000_000

    private(set) var failures = 0

    mutating func succeeded() { failures = 0 }
    mutating func failed() { failures = min(failures + 1, 32) }

    /// Nanoseconds to the next look-up; `random` is any random word.
    func delay(random: UInt64) -> UInt64 {
        let step =
            failures == 0
            ? Self.intervalNanoseconds
            : min(Self.retryNanosecondsMin << UInt64(min(failures - 1, 16)), Self.retryNanosecondsMax)
        // Between three quarters and all of the step.
        return step - random.multipliedFullWidth(by: step / 4).high
    }
}
