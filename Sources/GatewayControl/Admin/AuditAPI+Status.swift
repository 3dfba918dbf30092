import GatewayModel
import GatewayRecords

/// How the log stands.
extension AuditAPI {
    func status() -> AdminResponse { .json(.object(Self.standing(trail, folder))) }

    /// `damage` says why the log could not be opened, if so.
    static func standing(_ trail: AuditTrail, _ folder: AuditFolder, damage: String? = nil) -> [(String, ConfigNode)] {
        let segments = AuditReader(folder).segments
        let note = folder.checkpointNote ?? ""
        let problems = problems(trail, folder, damage: damage)
        var fields: [(String, ConfigNode)] = [
            ("folder", .text(folder.path)), ("healthy", .flag(problems.isEmpty)),
            ("problems", .list(problems.map { .text($0) })),
            ("setAside", .list(folder.brokenLogs.map { .text($0) })),
        ]
        if let log = trail.log {
            fields += [
                ("records", .integer(log.recordCount)), ("durable", .integer(log.durableCount)),
                ("queued", .integer(log.queuedRecords)), ("dropped", .integer(log.droppedRecords)),
                ("failure", .text(log.failure ?? "")),
            ]
        }
        fields += [
            ("first", .integer(segments.first?.first ?? 0)), ("segments", .integer(segments.count)),
            // The second line of a checkpoint is how many records it is of (C2SP tlog-checkpoint).
            ("checkpointed", .integer(note.split(separator: "\n").dropFirst().first.flatMap { Int($0) } ?? 0)),
            ("checkpoint", .text(note)), ("key", .text(folder.verifier?.text ?? "")),
            ("sinks", .list(trail.log.map(sinks) ?? [])),
        ]
        return fields
    }

    /// What keeps the log from being whole, written and passed on; empty for one that is healthy.
    static func problems(_ trail: AuditTrail, _ folder: AuditFolder, damage: String? = nil) -> [String] {
        var problems: [String] = []
        if let damage { problems.append(damage) }
        if let failure = trail.log?.failure { problems.append("it cannot be written: \(failure)") }
        if let (aside, why) = trail.log?.setAside {
            problems.append("an earlier log was set aside as \(aside): \(why)")
        }
        // Of an earlier start; moving the folder elsewhere says that somebody has seen to it.
        for aside in folder.brokenLogs where aside != trail.log?.setAside?.folder {
            problems.append("a damaged log is set aside as \(aside)")
        }
        for sink in trail.log?.sinks.all ?? [] {
            if let failure = sink.failure { problems.append("sink \(sink.name) takes no records: \(failure)") }
        }
        return problems
    }

    private static func sinks(_ log: AuditLog) -> [ConfigNode] {
        log.sinks.all.map { sink in
            .object([
                ("name", .text(sink.name)), ("next", .integer(sink.next)),
                ("behind", .integer(max(0, log.durableCount - sink.next))), ("failure", .text(sink.failure ?? "")),
            ])
        }
    }
}
