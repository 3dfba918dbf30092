import GatewayModel
import GatewayState

/// Usage, as JSON or CSV.
extension StateAPI {
    /// Fields that choose rows; `day` and `hour` are chosen by `since` and `until`.
    private static let filters = UsageField.allCases.filter { $0 != .day && $0 != .hour }
    static let usageNames = ["since", "until"] + filters.map(\.rawValue)
    private static let groupsMax = 10_000
    private static let callsMax = 10_000

    func usage(_ call: AdminCall) throws -> AdminResponse {
        var query = try query(call)
        query.by = try (call.query["by"] ?? "").split(separator: ",").map { name throws(GatewayError) in
            if let field = UsageField(rawValue: String(name)) { return field }
            throw GatewayError(
                .usage, "usage is not kept by \"\(name)\"",
                hint: NearestName.hint(String(name), among: UsageField.allCases.map(\.rawValue)))
        }
        query.groupsMax = min(try call.query.number("limit") ?? 1_000, Self.groupsMax)
        let names = query.by.map(\.rawValue)
        return try answer(try store.usage(query).map { node($0, names) }, call)
    }

    func calls(_ call: AdminCall) throws -> AdminResponse {
        let limit = min(try call.query.number("limit") ?? 100, Self.callsMax)
        return try answer(try store.calls(try query(call), limit: limit).map(node), call)
    }

    private func query(_ call: AdminCall) throws(GatewayError) -> UsageQuery {
        var query = UsageQuery()
        if let since = call.query["since"] {
            query.sinceMilliseconds = try Self.seconds(since, nowSeconds: nowSeconds, direction: -1) * 1_000
        }
        if let until = call.query["until"] {
            query.untilMilliseconds = try Self.seconds(until, nowSeconds: nowSeconds, direction: -1) * 1_000
        }
        for field in Self.filters {
            if let value = call.query[field.rawValue] {
                try Self.check(value, of: field)
                query.filters.append(UsageQuery.Filter(field: field, value: value))
            }
        }
        return query
    }

    /// What no row can say finds nothing, which reads as if nothing had been used.
    private static func check(_ value: String, of field: UsageField) throws(GatewayError) {
        switch field {
        case .outcome where UsageRow.Outcome(rawValue: value) == nil:
            let known = UsageRow.Outcome.allCases.map(\.rawValue).joined(separator: ", ")
            throw GatewayError(.usage, "no outcome is \"\(value)\"", hint: "known: \(known)")
        case .status where Int(value) == nil:
            throw GatewayError(.usage, "no status is \"\(value)\"", hint: "it is a number, such as 200")
        default: return
        }
    }

    private func answer(_ items: [ConfigNode], _ call: AdminCall) throws(GatewayError) -> AdminResponse {
        switch call.query["format"] ?? "json" {
        case "json": return .json(.object([("items", .list(items))]))
        case "csv":
            return AdminResponse(
                status: 200, fields: [("content-type", "text/csv; charset=utf-8"), ("cache-control", "no-store")],
                body: .bytes(Array(CSVPrinter.print(items).utf8)))
        case let other: throw GatewayError(.usage, "unknown format \"\(other)\"", hint: "json or csv")
        }
    }

    private func node(_ sum: UsageSum, _ names: [String]) -> ConfigNode {
        .object(
            zip(names, sum.values).map { ($0, .text($1)) } + [
                ("calls", .integer(sum.calls)), ("failures", .integer(sum.failures)),
                ("cacheHits", .integer(sum.cacheHits)), ("estimates", .integer(sum.estimates)),
            ] + pairs(sum.usage) + [("costUSD", .text(sum.cost.description))])
    }

    private func pairs(_ usage: TokenUsage) -> [(String, ConfigNode)] {
        [
            ("inputTokens", .integer(usage.inputTotal)), ("outputTokens", .integer(usage.outputTotal)),
            ("cacheRead", .integer(usage.cacheRead)), ("cacheWrite5m", .integer(usage.cacheWrite5m)),
            ("cacheWrite1h", .integer(usage.cacheWrite1h)), ("audioInput", .integer(usage.audioInput)),
            ("reasoning", .integer(usage.reasoning)), ("audioOutput", .integer(usage.audioOutput)),
        ]
    }

    private func node(_ row: UsageRow) -> ConfigNode {
        var pairs: [(String, ConfigNode)] = [
            ("time", .text(Self.text(seconds: row.timeMilliseconds / 1_000))),
            ("timeMilliseconds", .integer(row.timeMilliseconds)), ("requestID", .text(row.requestID)),
            ("tenant", .text(row.tenant)), ("team", .text(row.team)), ("user", .text(row.user)),
            ("agent", .text(row.agent)), ("run", .text(row.run)), ("key", .text(row.key)),
            ("groups", .text(row.groups.joined(separator: ","))), ("route", .text(row.route)),
            ("model", .text(row.model)), ("provider", .text(row.provider)),
            ("providerModel", .text(row.providerModel)), ("operation", .text(row.operation)),
            ("status", .integer(row.status)), ("outcome", .text(row.outcome.rawValue)),
            ("estimated", .flag(row.flags.contains(.estimated))), ("cacheHit", .flag(row.flags.contains(.cacheHit))),
            ("streamed", .flag(row.flags.contains(.streamed))), ("attempts", .integer(row.attempts)),
            ("durationMilliseconds", .integer(row.durationMilliseconds)),
            ("firstTokenMilliseconds", row.firstTokenMilliseconds.map { .integer($0) } ?? ConfigNode(.null)),
            ("priceVersion", .text(row.priceVersion)),
        ]
        pairs += self.pairs(row.usage)
        pairs.append(("costUSD", .text(row.cost.description)))
        return .object(pairs)
    }
}

/// Objects of the same fields as lines of comma-separated values (RFC 4180).
enum CSVPrinter {
    static func print(_ items: [ConfigNode]) -> String {
        guard let names = items.first?.fields?.map(\.key) else { return "" }
        var text = names.map(quoted).joined(separator: ",") + "\r\n"
        for item in items {
            text += names.map { quoted(item[$0].map(plain) ?? "") }.joined(separator: ",") + "\r\n"
        }
        return text
    }

    private static func plain(_ node: ConfigNode) -> String {
        switch node.value {
        case .null: ""
        case .string(let text), .number(let text): text
        case .bool(let flag): flag ? "true" : "false"
        case .sequence, .mapping: JSONPrinter.print(node)
        }
    }

    /// A name that a spreadsheet would take for a formula is marked as text, as OWASP advises: names of callers come
    /// from elsewhere.
    private static func quoted(_ text: String) -> String {
        let isFormula = text.first.map { "=+-@\t\r".contains($0) } ?? false
        let text = isFormula && Int(text) == nil ? "'" + text : text
        guard text.contains(where: { ",\"\r\n".contains($0) }) else { return text }
        return "\"\(text.replacing("\"", with: "\"\""))\""
    }
}
