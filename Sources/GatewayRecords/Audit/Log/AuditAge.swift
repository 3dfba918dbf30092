/// The time by which records grow old. What was deleted does not come back, so a wall clock that is set forward while
/// the gateway runs makes nothing older than it has become meanwhile; one that is set back makes everything younger.
struct AuditAge: Sendable {
    /// How much further the wall clock may go than time does: what slewing it and leap seconds come to.
    static let slackMilliseconds = 3_600_000

    private let wall: Int
    private let monotonic: Int

    /// Both clocks at one instant, in milliseconds.
    init(wall: Int, monotonic: Int) {
        self.wall = wall
        self.monotonic = monotonic
    }

    func now(wall now: Int, monotonic: Int) -> Int {
        min(now, wall + max(0, monotonic - self.monotonic) + AuditAge.slackMilliseconds)
    }
}
