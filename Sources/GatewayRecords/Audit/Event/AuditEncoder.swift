import GatewayModel
import GatewayWire

/// What came before a record in its chain.
struct PreviousRecord: Sendable, Equatable {
    var uid: RecordUID
    var typeUID: Int
    var fingerprint: TreeHash
}

/// Makes records of events: OCSF 1.9 names, canonical JSON, each one tied to the one before by its fingerprint.
struct AuditEncoder {
    /// An entry of a bundle is counted by two bytes (C2SP tlog-tiles).
    static let recordBytesMax = 65_535 - AuditSegment.saltBytes

    let gateway: String
    var redaction: AuditRedactor
    /// What records are written into.
    let buffer = RecordBuffer()
    private let attestation: Attestation

    init(chainUID: String, gateway: String, redaction: AuditRedactor) {
        self.gateway = gateway
        self.redaction = redaction
        attestation = Attestation(chainUID: chainUID, gateway: gateway)
    }

    /// Appends the record number `index` behind its salt; its hashes, and what the next one says of it.
    func append(
        _ event: AuditEvent, uid: RecordUID, index: Int, after previous: PreviousRecord?
    ) -> (hashes: RecordHashes, record: PreviousRecord) {
        attestation.begin(after: previous)
        let start = buffer.count
        let most = AuditEncoder.recordBytesMax - attestation.memberBytes
        var place = redaction.isOff ? write(event, uid, index) : write(redaction.redacted(event), uid, index)
        if buffer.count - start > most {
            var short = redaction.redacted(event)
            buffer.removeAll(from: start)
            place = write(short, uid, index, .short)
            if buffer.count - start > most {
                short.decision?.facts = []
                short.destination?.authority = []
                short.details = [AuditFact("shortened", true)]
                buffer.removeAll(from: start)
                place = write(short, uid, index, .least)
            }
        }
        let fingerprint = buffer.withBytes(start..<buffer.count) { TreeHash.of($0) }
        let leaf = buffer.withBytes((start - AuditSegment.saltBytes)..<start) { attestation.end(fingerprint, $0) }
        attestation.insert(in: buffer, at: place)
        return (
            RecordHashes(leaf: leaf, fingerprint: fingerprint),
            PreviousRecord(uid: uid, typeUID: event.kind.typeUID, fingerprint: fingerprint)
        )
    }

    /// Writes all of a record but its attestation, and returns the place of that.
    private func write(_ event: AuditEvent, _ uid: RecordUID, _ index: Int, _ limits: RecordLimits = .full) -> Int {
        var json = RecordJSON(buffer)
        json.limits = limits
        var place = 0
        json.object { json in
            json.head(event)
            place = buffer.count
            json.middle(event)
            json.object("metadata") { json in
                json.member("correlation_uid", id: event.correlation)
                json.object("product") { json in
                    json.constant(#""name":"sluice""#)
                    json.member("uid", gateway)
                    json.constant(#""vendor_name":"sluice""#)
                }
                json.constant(#""profiles":["ai_operation","record_integrity","security_control","trace"]"#)
                json.member("sequence", index)
                json.member("uid", uid: uid)
                json.constant(#""version":"1.9.0""#)
            }
            json.tail(event)
        }
        return place
    }
}

extension RecordJSON {
    /// Members before `attestation_list`, at least one.
    fileprivate mutating func head(_ event: AuditEvent) {
        let isDenied = event.decision?.verdict == .denied
        if event.decision != nil { member("action_id", isDenied ? 2 : 1) }
        member("activity_id", event.kind.activityID)
        actor(event)
        if event.principal.agent != nil || event.principal.instance != nil {
            object("ai_agent") { json in
                json.member("instance_uid", event.principal.instance)
                json.member("uid", event.principal.agent)
            }
        }
        if let model = event.model {
            object("ai_model") { json in
                json.member("ai_provider", model.provider)
                json.member("name", model.name)
                json.member("version", model.served)
            }
        }
        if !event.operation.isEmpty || !event.resource.isEmpty {
            object("api") { json in
                json.member("operation", event.operation)
                if event.correlation.0 | event.correlation.1 != 0 {
                    json.object("request") { $0.member("uid", id: event.correlation) }
                }
                if !event.resource.isEmpty {
                    json.object("service") { $0.member("name", event.kind.traffic.rawValue) }
                }
            }
        }
    }

    /// A record is never lost because a time in it makes no sense.
    private static func milliseconds(_ seconds: Int) -> Int { min(max(seconds, 0), 1 << 40) * 1_000 }

    private mutating func actor(_ event: AuditEvent) {
        let principal = event.principal
        object("actor") { json in
            if let issuer = principal.issuer { json.object("idp") { $0.member("uid", issuer) } }
            if let actor = principal.delegation.first { json.member("invoked_by", actor.subject) }
            if principal.credentialID != nil || principal.session != nil {
                json.object("session") { json in
                    json.member("credential_uid", principal.credentialID)
                    if let end = principal.detail?.expiresSeconds {
                        json.member("expiration_time", Self.milliseconds(end))
                    }
                    json.member("issuer", principal.issuer)
                    json.member("uid", principal.session)
                }
            }
            json.object("user") { json in
                json.member("domain", principal.tenant)
                if !principal.groups.isEmpty {
                    json.array("groups") { json in
                        for group in principal.groups.prefix(min(64, json.limits.listCount)) {
                            json.object { $0.member("name", group) }
                        }
                    }
                }
                if let team = principal.team { json.object("org") { $0.member("ou_name", team) } }
                json.member("uid", principal.user)
            }
        }
    }

    /// Members between `attestation_list` and `metadata`.
    fileprivate mutating func middle(_ event: AuditEvent) {
        if let decision = event.decision {
            array("authorizations") { json in
                json.object { json in
                    json.member("decision", decision.verdict.rawValue)
                    if !decision.rule.isEmpty { json.object("policy") { $0.member("uid", decision.rule) } }
                }
            }
        }
        member("category_uid", event.kind.categoryUID)
        member("class_uid", event.kind.classUID)
        if let grant = event.principal.detail?.grantID {
            object("delegation") { json in
                json.member("issuer_uid", event.principal.issuer)
                json.member("uid", grant)
            }
        }
        if let decision = event.decision { member("disposition_id", decision.verdict == .denied ? 2 : 1) }
        if let destination = event.destination {
            object("dst_endpoint") { json in
                json.member("domain", destination.host)
                json.member("ip", destination.address)
                if destination.port > 0 { json.member("port", destination.port) }
            }
        }
        if let end = event.endMilliseconds { member("end_time", end) }
        if let rule = event.decision?.rule, !rule.isEmpty { object("firewall_rule") { $0.member("uid", rule) } }
        if let http = event.http {
            object("http_request") { json in
                json.member("http_method", http.method)
                json.object("url") { json in
                    json.member("hostname", http.host)
                    json.member("path", http.path)
                }
            }
            if http.status > 0 { object("http_response") { $0.member("code", http.status) } }
        }
        member("message", event.message)
        if let usage = event.model?.usage {
            object("message_context") { json in
                json.member("completion_tokens", usage.outputTotal)
                json.member("prompt_tokens", usage.inputTotal)
                json.member("total_tokens", usage.inputTotal + usage.outputTotal)
            }
        }
    }

    /// Members after `metadata`.
    fileprivate mutating func tail(_ event: AuditEvent) {
        if let decision = event.decision, !decision.digest.isEmpty {
            object("policy") { json in
                json.member("uid", decision.digest)
                json.member("version", digits: decision.revision)
            }
        }
        if !event.resource.isEmpty {
            array("resources") { json in json.object { $0.member("name", event.resource) } }
        }
        let isBad =
            event.decision?.verdict == .denied || event.effect?.state == .failed
            || event.effect?.state == .aborted
        member("severity_id", event.kind.classUID == 2004 ? 4 : isBad ? 3 : 1)
        if !event.source.isEmpty { object("src_endpoint") { $0.member("ip", event.source) } }
        if let code = event.decision?.code { member("status_code", code.rawValue) }
        if event.effect?.state != .pending { member("status_id", isBad ? 2 : 1) }
        member("time", event.timeMilliseconds)
        if event.traceID.0 | event.traceID.1 != 0 { object("trace") { $0.member("uid", id: event.traceID) } }
        if let traffic = event.traffic {
            object("traffic") { json in
                json.member("bytes_in", traffic.bytesIn)
                json.member("bytes_out", traffic.bytesOut)
            }
        }
        member("type_uid", event.kind.typeUID)
        object("unmapped") { $0.unmapped(event) }
    }
}
