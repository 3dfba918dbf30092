extension MetricCatalog {
    static let auditRecords = MetricDescription(
        "sluice_audit_records_total", .counter, "Records of the audit log, those of earlier processes included.")
    static let auditDurable = MetricDescription(
        "sluice_audit_durable_records_total", .counter, "Of these, those that are on the disk.")
    static let auditDropped = MetricDescription(
        "sluice_audit_dropped_records_total", .counter, "Records of class bestEffort that found no room.")
    static let auditFailures = MetricDescription(
        "sluice_audit_write_failures_total", .counter, "Times that the audit log could not be written.")
    static let auditQueue = MetricDescription(
        "sluice_audit_queue_records", .gauge, "Records that wait to be written.")
    static let auditWritable = MetricDescription(
        "sluice_audit_writable", .gauge, "1 while the audit log can be written.")
    static let auditSetAside = MetricDescription(
        "sluice_audit_set_aside_logs", .gauge, "Damaged logs that were set aside and lie in the state folder.")
    static let auditSinkLag = MetricDescription(
        "sluice_audit_sink_lag_records", .gauge, "Records on the disk that a sink has not got yet.", labels: ["sink"])
    static let auditSinkFailing = MetricDescription(
        "sluice_audit_sink_failing", .gauge, "1 while a sink takes no records.", labels: ["sink"])

    /// The metrics of the audit log, in the order of a scrape.
    static let audit = [
        auditRecords, auditDurable, auditDropped, auditFailures, auditQueue, auditWritable, auditSetAside,
        auditSinkLag, auditSinkFailing,
    ]
}

extension MetricSample {
    /// The families of the audit log; without points where there is none.
    func auditFamilies() -> [MetricFamily] {
        guard let audit else { return MetricCatalog.audit.map { MetricFamily(description: $0, points: []) } }
        let durable = audit.durableCount
        let sinks = audit.sinks.all
        func one(_ description: MetricDescription, _ number: MetricFamily.Number) -> MetricFamily {
            MetricFamily(description: description, points: [.init(labels: [], number: number)])
        }
        return [
            one(MetricCatalog.auditRecords, .count(UInt64(audit.recordCount))),
            one(MetricCatalog.auditDurable, .count(UInt64(durable))),
            one(MetricCatalog.auditDropped, .count(UInt64(audit.droppedRecords))),
            one(MetricCatalog.auditFailures, .count(UInt64(audit.writeFailures))),
            one(MetricCatalog.auditQueue, .level(audit.queuedRecords)),
            one(MetricCatalog.auditWritable, .level(audit.failure == nil ? 1 : 0)),
            one(MetricCatalog.auditSetAside, .level(audit.folder.brokenLogs.count)),
            MetricFamily(
                description: MetricCatalog.auditSinkLag,
                points: sinks.map { .init(labels: [$0.name], number: .level(max(0, durable - $0.next))) }),
            MetricFamily(
                description: MetricCatalog.auditSinkFailing,
                points: sinks.map { .init(labels: [$0.name], number: .level($0.failure == nil ? 0 : 1)) }),
        ]
    }
}
