/// What is remembered, for how long, and who else gets it (sluice.dev/v1alpha1). Without one, decisions of rooms and
/// every refusal are, in class `standard` at level `Metadata`.
package struct AuditPolicy: Sendable, Equatable {
    package var metadata: ObjectMeta
    package var spec: AuditPolicySpec
}

/// How much of an exchange a record holds.
package enum AuditLevel: String, ConfigEnum {
    case none = "None"
    case metadata = "Metadata"
    case request = "Request"
    case requestResponse = "RequestResponse"

    package var rank: Int {
        switch self {
        case .none: 0
        case .metadata: 1
        case .request: 2
        case .requestResponse: 3
        }
    }
}

/// What is done when a record cannot be kept.
package enum AuditClass: String, ConfigEnum {
    /// It may be lost; the log counts how many were.
    case bestEffort
    /// It is in memory before the call goes on; while there is no room, calls are refused.
    case standard
    /// It is on the disk before the call goes on.
    case strict

    package var rank: Int { AuditClass.allCases.firstIndex(of: self) ?? 0 }
}

/// What a record is about, in the words of rules and searches.
package enum AuditTrafficKind: String, ConfigEnum {
    case models, tools, agents, egress, http, tokens, admin
    /// The gateway itself: start, stop, gaps.
    case gateway
}

/// What policy said.
package enum AuditVerdict: String, ConfigEnum {
    case allowed, denied, asked
}

/// What a redaction reaches.
package enum AuditField: String, ConfigEnum {
    case user, agent, session, groups, clientAddress, path, message, body
}

package struct AuditPolicySpec: ConfigObject {
    package var auditClass: AuditClass
    package var level: AuditLevel
    package var rules: [AuditRule]
    package var redaction: AuditRedaction
    package var retention: AuditRetention
    package var sinks: [AuditSink]

    package init(_ fields: FieldReader) {
        auditClass = fields.value(
            "class", default: .standard, "what is done when a record cannot be kept; the strictest that applies holds")
        level = fields.value("level", default: .metadata, "how much a record holds; the highest that applies holds")
        rules = fields.list("rules", "exceptions; the first that fits counts", count: 0...64)
        redaction = fields.optional("redaction", "what records do not show") ?? AuditRedaction()
        retention = fields.optional("retention", "how long records are kept") ?? AuditRetention()
        sinks = fields.list("sinks", "who else gets every record", count: 0...8)
        var seen: Set<String> = []
        for sink in sinks where !fields.isRecording {
            fields.check(
                seen.insert(sink.name).inserted, at: "sinks", .duplicateKey, "two sinks named \(sink.name)",
                hint: "a sink's place in the log is kept by its name")
        }
    }

    /// What a policy without fields says, in another class.
    package init(auditClass: AuditClass = .standard) {
        self.auditClass = auditClass
        level = .metadata
        rules = []
        redaction = AuditRedaction()
        retention = AuditRetention()
        sinks = []
    }
}

/// What some records hold instead: everything that is said must fit.
package struct AuditRule: ConfigObject, Hashable {
    package var traffic: [AuditTrafficKind]?
    package var verdicts: [AuditVerdict]?
    package var subjects: [ModelSubject]?
    package var resources: [String]?
    package var level: AuditLevel?
    package var auditClass: AuditClass?

    package init(_ fields: FieldReader) {
        traffic = fields.optionalList(
            "traffic", "kinds of traffic; all by default", count: 1...AuditTrafficKind.allCases.count)
        verdicts = fields.optionalList("verdicts", "what policy said; anything by default", count: 1...3)
        subjects = fields.optionalList("subjects", "whom it is about; everyone by default", count: 1...256)
        resources = fields.optionalList(
            "resources", "models, tools, agents, hosts or routes, * stands for any text; all by default",
            count: 1...256, each: .nonEmpty)
        level = fields.optional("level", "how much such a record holds; the policy's by default")
        auditClass = fields.optional("class", "what is done when it cannot be kept; the policy's by default")
    }
}

/// What records do not show.
package struct AuditRedaction: ConfigObject, Hashable {
    package var remove: [AuditField]
    package var hash: [AuditField]

    package init(_ fields: FieldReader) {
        remove = fields.list("remove", "left out", count: 0...AuditField.allCases.count)
        hash = fields.list(
            "hash", "replaced by a keyed hash, the same for the same text", count: 0...AuditField.allCases.count)
    }

    package init() {
        remove = []
        hash = []
    }
}

/// How long records are kept; whichever bound is reached first.
package struct AuditRetention: ConfigObject, Hashable {
    package var days: Int
    package var bytesMax: ByteQuantity?

    package init(_ fields: FieldReader) {
        days = fields.value("days", default: 365, "how old a record may become", .range(1...36_500))
        bytesMax = fields.optional("bytesMax", "how large the log may become; without bound by default")
    }

    package init() {
        days = 365
        bytesMax = nil
    }
}

/// Somebody else who gets every record, at least once, in order. Exactly one of its kinds is said.
package struct AuditSink: ConfigObject, Hashable {
    package var name: String
    package var file: AuditFileSink?
    package var otlp: AuditHTTPSink?
    package var webhook: AuditHTTPSink?
    package var syslog: AuditSyslogSink?
    package var s3: AuditS3Sink?
    /// Nothing is deleted that it has not got.
    package var holdsRetention: Bool

    package init(_ fields: FieldReader) {
        name = fields.required("name", "names it; its place in the log is kept under this name", .name)
        file = fields.optional("file", "a file that gets a line for each record")
        otlp = fields.optional("otlp", "a collector that takes OTLP logs over HTTP (JSON)")
        webhook = fields.optional("webhook", "a URL that gets batches of records as JSON lines")
        syslog = fields.optional("syslog", "a syslog server (RFC 5424 over TCP, octet counting)")
        s3 = fields.optional("s3", "a bucket that gets an object for each batch")
        holdsRetention = fields.value(
            "holdsRetention", default: false, "keep records beyond their time until it has got them")
        let kinds = ["file", "otlp", "webhook", "syslog", "s3"].filter { fields.has($0) }
        fields.check(
            kinds.count <= 1, at: kinds.dropFirst().first,
            "\(kinds.dropFirst().first ?? "") beside \(kinds.first ?? "")", hint: "one sink, one kind; add another sink"
        )
        fields.check(
            !kinds.isEmpty, .missingField, "missing field \"file\"",
            hint: "say what it is: file, otlp, webhook, syslog or s3")
    }
}

package struct AuditFileSink: ConfigObject, Hashable {
    package var path: String

    package init(_ fields: FieldReader) {
        path = fields.required("path", "where it is; made if it is not there", .nonEmpty)
    }
}

package struct AuditHTTPSink: ConfigObject, Hashable {
    package var url: String
    /// Sent as `Authorization: Bearer`.
    package var credential: ModelCredential?

    package init(_ fields: FieldReader) {
        url = fields.required("url", "where records are posted to", .baseURL)
        credential = fields.optional("credential", "a bearer token that opens it")
        fields.check(
            credential?.sourceRef == nil, at: "credential", .unsupportedValue, "sourceRef in a sink of the audit log",
            hint: "use env, file or secretRef")
    }
}

package struct AuditSyslogSink: ConfigObject, Hashable {
    package var host: String
    package var port: Int

    package init(_ fields: FieldReader) {
        host = fields.required("host", "the server's name or address", .nonEmpty)
        port = fields.value("port", default: 601, "its TCP port", .port)
    }
}

/// A bucket of anything that speaks Amazon's protocol.
package struct AuditS3Sink: ConfigObject, Hashable {
    package var url: String
    package var bucket: String
    package var region: String
    package var prefix: String
    package var accessKeyID: String
    package var secretKey: ModelCredential

    package init(_ fields: FieldReader) {
        url = fields.required("url", "the endpoint, such as https://s3.eu-central-1.amazonaws.com", .baseURL)
        bucket = fields.required("bucket", "the bucket's name", .name)
        region = fields.value("region", default: "us-east-1", "the region its signatures are for", .nonEmpty)
        prefix = fields.value("prefix", default: "", "what objects' names begin with")
        accessKeyID = fields.required("accessKeyID", "the name of the key", .nonEmpty)
        secretKey = fields.required("secretKey", "where the key is")
        fields.check(
            secretKey.sourceRef == nil, at: "secretKey", .unsupportedValue, "sourceRef in a sink of the audit log",
            hint: "use env, file or secretRef")
    }
}
