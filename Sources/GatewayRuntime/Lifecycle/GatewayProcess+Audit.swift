import GatewayControl
import GatewayModel
import GatewayProxy
import GatewayRecords
import Glibc

/// The audit log of this gateway: opened before anything is served, closed after the last answer.
extension GatewayProcess {
    static func openAudit(_ options: GatewayOptions) throws(GatewayError) -> AuditTrail {
        guard options.audits else { return .off }
        var settings = options.auditSettings
        settings.gateway = hostName
        let log = try AuditLog(AuditFolder(stateFolder: options.stateDirectory), settings: settings)
        if let (folder, why) = log.setAside {
            Console.error("the audit log was set aside as \(folder), and another begun: \(why)")
        }
        return AuditTrail(log: log)
    }

    private static var hostName: String {
        var bytes = [CChar](repeating: 0, count: 256)
        guard unsafe gethostname(&bytes, bytes.count - 1) == 0 else { return "sluice" }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// From now on records name this configuration, and are kept as its policies say. Returns its digest.
    func applyAudit(_ set: ObjectSet, revision: UInt64) throws(GatewayError) -> String {
        let documents = set.objects.map { Masking.masked($0.document) }
        let text = Array(JSONPrinter.print(Self.list(documents)).utf8)
        let digest = TreeHash.of(text.span).hex
        guard let log = audit.log else { return digest }
        log.folder.keepPolicy(digest, text)
        let specs = set.auditPolicies.map(\.spec)
        audit.apply(AuditRules(specs), revision: Int(clamping: revision), digest: digest)
        let redactor = AuditRedactor(specs.map(\.redaction), key: try log.folder.redactionKey())
        let held = Self.holding(set)
        log.apply(redactor: redactor, retention: Self.retention(specs), heldBy: held)
        ship(set, log)
        return digest
    }

    /// The cursors of sinks that must have a record before it is deleted.
    private static func holding(_ set: ObjectSet) -> [String] {
        set.auditPolicies.flatMap { policy in
            policy.spec.sinks.filter(\.holdsRetention).map { sink in
                AuditSinkPlan(sink: sink, policy: policy.metadata.qualifiedName, origin: "").cursor
            }
        }
    }

    /// Objects as one document that the reader of configurations takes.
    private static func list(_ documents: [ConfigNode]) -> ConfigNode {
        .object([("apiVersion", .text("v1")), ("kind", .text("List")), ("items", .list(documents))])
    }

    /// The longest that any policy asks for.
    private static func retention(_ specs: [AuditPolicySpec]) -> AuditRetention {
        var most = AuditRetention()
        guard let days = specs.map(\.retention.days).max() else { return most }
        most.days = days
        let bounds = specs.map(\.retention.bytesMax)
        if !bounds.contains(nil) { most.bytesMax = bounds.compactMap(\.self).max() }
        return most
    }

    /// Start and stop are records too: a gap between them is a gateway that was killed.
    func recordLife(_ kind: AuditKind) {
        var event = AuditEvent(kind, timeMilliseconds: Int(WallTime.nanoseconds / 1_000_000))
        event.operation = kind == .started ? "start" : "stop"
        event.details = [AuditFact("version", ProductVersion.text), AuditFact("pid", Int(getpid()))]
        audit.record(event)
    }
}
