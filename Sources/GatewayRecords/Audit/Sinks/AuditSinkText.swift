import GatewayWire

/// Records in the words of those who get them.
package enum AuditSinkText {
    /// A line of JSON for each record: its number, its salt, and the record as it is kept.
    package static func lines(_ entries: [AuditEntry]) -> [UInt8] {
        var out: [UInt8] = []
        for entry in entries {
            out += Array("{\"index\":\(entry.index),\"record\":".utf8) + entry.text
            out += Array(",\"salt\":\"\(Base64Text.encode(entry.salt))\"}\n".utf8)
        }
        return out
    }

    // MARK: OTLP

    /// `ExportLogsServiceRequest` as OTLP/HTTP JSON: the record is the body, what is searched for are attributes.
    package static func otlpLogs(_ entries: [AuditEntry], gateway: String) -> [UInt8] {
        var text = JSONText()
        text.object { text in
            text.key("resourceLogs")
            text.array { text in
                text.object { text in
                    OTLPResource(attributes: ["sluice.gateway": gateway]).write(to: &text)
                    text.key("scopeLogs")
                    text.array { text in
                        text.object { text in
                            OTLPResource.writeScope(to: &text)
                            text.key("logRecords")
                            text.array { text in for entry in entries { log(entry, to: &text) } }
                        }
                    }
                }
            }
        }
        return text.bytes
    }

    private static func log(_ entry: AuditEntry, to text: inout JSONText) {
        let record = entry.tree
        let isBad = record?["severity_id"]?.int ?? 1 > 1
        text.object { text in
            text.member("timeUnixNano", String((record?["time"]?.int ?? 0) * 1_000_000))
            text.member("severityNumber", isBad ? 13 : 9)
            text.member("severityText", isBad ? "WARN" : "INFO")
            text.key("body")
            text.object { text in text.member("stringValue", String(decoding: entry.text, as: UTF8.self)) }
            text.key("attributes")
            text.array { text in
                OTLPResource.attribute("event.name", "sluice.audit", to: &text)
                OTLPResource.attribute("sluice.audit.index", entry.index, to: &text)
                OTLPResource.attribute("log.record.uid", value(record?["metadata"]?["uid"]), to: &text)
                OTLPResource.attribute("user.id", value(record?["actor"]?["user"]?["uid"]), to: &text)
                OTLPResource.attribute("gen_ai.agent.id", value(record?["ai_agent"]?["uid"]), to: &text)
                OTLPResource.attribute(
                    "sluice.verdict", value(record?["unmapped"]?["decision"]?["verdict"]), to: &text)
            }
            let trace = value(record?["trace"]?["uid"])
            if !trace.isEmpty { text.member("traceId", trace) }
        }
    }

    private static func value(_ tree: JSONTree?) -> String { tree?.string?.value ?? "" }

    // MARK: Syslog

    /// Messages of RFC 5424, facility 13 (log audit), each behind its length (RFC 6587 section 3.4.1).
    package static func syslog(_ entries: [AuditEntry], host: String) -> [UInt8] {
        var out: [UInt8] = []
        let host = host.utf8.allSatisfy { (0x21...0x7E).contains($0) } && !host.isEmpty ? host : "-"
        for entry in entries {
            let record = entry.tree
            let priority = 13 * 8 + (record?["severity_id"]?.int ?? 1 > 1 ? 4 : 6)
            let time = AuditTime.text(milliseconds: record?["time"]?.int ?? 0)
            let head = "<\(priority)>1 \(time) \(host.prefix(255)) sluice - AUDIT - "
            let message = Array(head.utf8) + entry.text
            out += Array("\(message.count) ".utf8) + message
        }
        return out
    }
}

/// Instants in UTC, without a calendar library.
package enum AuditTime {
    /// `2026-11-25T19:30:00.123Z`.
    package static func text(milliseconds: Int) -> String {
        let rest = ((milliseconds % 86_400_000) + 86_400_000) % 86_400_000
        let date = CivilDate(daysSince1970: (milliseconds - rest) / 86_400_000)
        let (seconds, fraction) = rest.quotientAndRemainder(dividingBy: 1_000)
        return "\(pad(date.year, 4))-\(pad(date.month, 2))-\(pad(date.day, 2))T\(pad(seconds / 3_600, 2)):"
            + "\(pad(seconds / 60 % 60, 2)):\(pad(seconds % 60, 2)).\(pad(fraction, 3))Z"
    }

    private static func pad(_ value: Int, _ width: Int) -> String {
        let digits = String(value)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
