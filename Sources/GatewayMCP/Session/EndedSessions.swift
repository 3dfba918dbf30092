/// Which sessions their clients have ended, as long as their ids could still be presented: all of a session travels in
/// its sealed id, which is good until it is too old. Of each no more is kept than a hash, whose key nobody knows. Where
/// very many have ended those that ended first are forgotten, which ends nobody's session: the id of one of them is
/// good again for who has both it and its caller's credential, and could open another by that.
struct EndedSessions {
    /// Those that have ended one after another: let go of as a whole, so that nothing is ever searched.
    private struct Span {
        let beganMilliseconds: Int
        var hashes: Set<Int> = []
    }

    /// Of a part of all callers: who ends very many drives out what few others have ended.
    private struct Part {
        /// The newest last.
        var spans: [Span] = []
        var count = 0

        mutating func makeRoom(_ countMax: Int, _ nowMilliseconds: Int) {
            let isNew =
                spans.last.map {
                    $0.hashes.count >= max(1, countMax / EndedSessions.spansPerPart)
                        || nowMilliseconds - $0.beganMilliseconds >= EndedSessions.spanMilliseconds
                } ?? true
            if isNew { spans.append(Span(beganMilliseconds: nowMilliseconds)) }
            // What has ended before the next began is too old once that is: it opens nothing, ended or not.
            let oldest = nowMilliseconds - ClientSession.lifetimeMilliseconds
            while spans.count > 1, count >= countMax || spans[1].beganMilliseconds < oldest {
                count -= spans.removeFirst().hashes.count
            }
        }
    }

    private var parts: [Part]
    private let partCountMax: Int
    private static let spansPerPart = 16
    private static let spanMilliseconds = 24 * 3_600_000

    init(parts: Int = 8, partCountMax: Int = 131_072) {
        self.parts = Array(repeating: Part(), count: parts)
        self.partCountMax = partCountMax
    }

    var count: Int { parts.reduce(0) { $0 + $1.count } }

    func contains(_ session: ClientSession) -> Bool {
        let hash = EndedSessions.hash(session)
        return parts[part(session)].spans.contains { $0.hashes.contains(hash) }
    }

    mutating func insert(_ session: ClientSession, nowMilliseconds: Int) {
        guard !contains(session) else { return }
        let (index, hash) = (part(session), EndedSessions.hash(session))
        parts[index].makeRoom(partCountMax, nowMilliseconds)
        parts[index].spans[parts[index].spans.count - 1].hashes.insert(hash)
        parts[index].count += 1
    }

    private func part(_ session: ClientSession) -> Int {
        var hasher = Hasher()
        hasher.combine(session.owner)
        return Int(UInt(bitPattern: hasher.finalize()) % UInt(parts.count))
    }

    private static func hash(_ session: ClientSession) -> Int {
        var hasher = Hasher()
        hasher.combine(session.owner)
        hasher.combine(session.id)
        return hasher.finalize()
    }
}
