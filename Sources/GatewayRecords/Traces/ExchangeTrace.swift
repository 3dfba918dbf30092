/// One request's way through the phases, with times and reasons: what `sluice trace` shows. Made only for a request
/// that carries a trace token, so it may cost what it likes.
package struct ExchangeTrace: Sendable, Equatable {
    /// One phase, or one step inside it.
    package struct Phase: Sendable, Equatable {
        package var name: String
        /// Since the start of the request.
        package var startNanoseconds: UInt64
        package var durationNanoseconds: UInt64
        /// What was decided and by which rule; empty if nothing was.
        package var note: String
    }

    /// Phases and notes kept at most.
    package static let phasesMax = 64
    package static let noteBytesMax = 512

    package let token: String
    package private(set) var phases: [Phase] = []
    private let startedNanoseconds: UInt64
    private var isOpen = false

    package init(token: String, startedNanoseconds: UInt64) {
        self.token = token
        self.startedNanoseconds = startedNanoseconds
    }

    /// Ends the phase before and begins this one.
    package mutating func enter(_ name: String, nowNanoseconds: UInt64) {
        close(nowNanoseconds)
        guard phases.count < ExchangeTrace.phasesMax else { return }
        phases.append(Phase(name: name, startNanoseconds: since(nowNanoseconds), durationNanoseconds: 0, note: ""))
        isOpen = true
    }

    /// Says what the current phase decided. Not for secrets.
    package mutating func note(_ text: String) {
        guard let last = phases.indices.last else { return }
        let separator = phases[last].note.isEmpty ? "" : "; "
        let room = ExchangeTrace.noteBytesMax - phases[last].note.utf8.count
        guard room > separator.utf8.count else { return }
        phases[last].note += separator + String(decoding: text.utf8.prefix(room - separator.utf8.count), as: UTF8.self)
    }

    /// Ends the last phase.
    package mutating func finish(nowNanoseconds: UInt64) { close(nowNanoseconds) }

    private mutating func close(_ now: UInt64) {
        guard isOpen, let last = phases.indices.last else { return }
        isOpen = false
        let end = since(now)
        phases[last].durationNanoseconds = end > phases[last].startNanoseconds ? end - phases[last].startNanoseconds : 0
    }

    private func since(_ now: UInt64) -> UInt64 { now > startedNanoseconds ? now - startedNanoseconds : 0 }

    /// From the first phase's start to the last one's end.
    package var durationNanoseconds: UInt64 {
        guard let last = phases.last else { return 0 }
        return last.startNanoseconds + last.durationNanoseconds
    }

    /// The trace as one JSON object.
    package func json() -> [UInt8] {
        var text = JSONText()
        text.object { text in
            text.member("token", token)
            text.member("duration_ns", Int(clamping: durationNanoseconds))
            text.key("phases")
            text.array { text in
                for phase in phases {
                    text.object { text in
                        text.member("name", phase.name)
                        text.member("start_ns", Int(clamping: phase.startNanoseconds))
                        text.member("duration_ns", Int(clamping: phase.durationNanoseconds))
                        if !phase.note.isEmpty { text.member("note", phase.note) }
                    }
                }
            }
        }
        return text.bytes
    }

    /// The trace as a table for people: phase, start and duration in microseconds, note.
    package func table() -> String {
        let rows =
            [["PHASE", "START µs", "TOOK µs", "DECIDED"]]
            + phases.map {
                [
                    $0.name, ExchangeTrace.micros($0.startNanoseconds), ExchangeTrace.micros($0.durationNanoseconds),
                    $0.note,
                ]
            }
        let widths = (0..<3).map { column in rows.map { $0[column].count }.max() ?? 0 }
        return rows.map { row in
            let name = row[0] + String(repeating: " ", count: widths[0] - row[0].count)
            let numbers = (1..<3).map { String(repeating: " ", count: widths[$0] - row[$0].count) + row[$0] }
            var line = "\(name)  \(numbers[0])  \(numbers[1])"
            if !row[3].isEmpty { line += "  \(row[3])" }
            return line + "\n"
        }.joined()
    }

    private static func micros(_ nanoseconds: UInt64) -> String {
        "\(nanoseconds / 1_000).\(nanoseconds % 1_000 / 100)"
    }
}
