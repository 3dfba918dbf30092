import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayWire

/// Every match of every route held against one request, in words.
struct RouteTrials {
    private static let rowsMax = 200
    private(set) var rows: [ConfigNode] = []
    private let head: RequestHead
    private let path: String
    private let query: [(name: String, value: String)]

    init(head: RequestHead, host: String, routes: [HTTPRoute], statuses: [ObjectStatus], chosen: CompiledRule?) {
        self.head = head
        path = head.fields.text(head.path)
        query = Self.pairs(head.fields.text(head.query))
        for route in routes {
            let name = "\(route.metadata.namespace)/\(route.metadata.name)"
            if let reason = Self.detached(route, statuses) {
                add(name, "-", "-", "not attached: \(reason)")
                continue
            }
            let hosts = route.spec.hostnames
            guard hosts.isEmpty || hosts.contains(where: { $0.covers(host) }) else {
                add(name, "-", "-", "host is not \(hosts.map(\.text).joined(separator: " or "))")
                continue
            }
            for (index, rule) in route.spec.rules.enumerated() {
                let isChosen = chosen?.routeName == name && chosen?.ruleIndex == index
                for match in rule.matches { add(name, String(index), Self.text(match), result(match, isChosen)) }
            }
        }
    }

    private mutating func add(_ route: String, _ rule: String, _ match: String, _ result: String) {
        guard rows.count < Self.rowsMax else { return }
        rows.append(
            .object([
                ("route", .text(route)), ("rule", .text(rule)), ("match", .text(match)), ("result", .text(result)),
            ]))
    }

    private static func detached(_ route: HTTPRoute, _ statuses: [ObjectStatus]) -> String? {
        let key = ObjectKey(.httpRoute, namespace: route.metadata.namespace, name: route.metadata.name)
        guard let status = statuses.first(where: { $0.key == key }) else { return nil }
        let accepted = status.parents.map { $0.conditions["Accepted"] }
        if accepted.contains(where: { $0?.isTrue == true }) { return nil }
        return accepted.compactMap { $0 }.first.map { "\($0.reason) \($0.message)" } ?? "no Gateway takes it"
    }

    private func result(_ match: HTTPRouteMatch, _ isChosen: Bool) -> String {
        if let why = mismatch(match) { return why }
        return isChosen ? "chosen" : "matches, but a more specific or earlier one wins"
    }

    /// The first part of a match that does not hold.
    private func mismatch(_ match: HTTPRouteMatch) -> String? {
        let method = head.fields.text(head.methodName)
        if let wanted = match.method, wanted.rawValue != method { return "method is \(method)" }
        if !holds(match.path) { return "path is \(path)" }
        for header in match.headers {
            let name = header.name.lowercased()
            guard let value = value(ofHeader: name) else { return "no header \(name)" }
            if !Self.holds(header.type, header.value, value) { return "header \(name) differs" }
        }
        for parameter in match.queryParams {
            guard let value = query.first(where: { $0.name == parameter.name })?.value else {
                return "no query parameter \(parameter.name)"
            }
            if !Self.holds(parameter.type, parameter.value, value) {
                return "query parameter \(parameter.name) differs"
            }
        }
        return nil
    }

    private func holds(_ match: HTTPPathMatch) -> Bool {
        switch match.type {
        case .exact: return path == match.value
        case .regularExpression: return Self.holds(.regularExpression, match.value, path)
        case .pathPrefix:
            let prefix = match.value.hasSuffix("/") ? String(match.value.dropLast()) : match.value
            return path == prefix || path.hasPrefix(prefix + "/")
        }
    }

    private static func holds(_ type: ValueMatchType, _ wanted: String, _ value: String) -> Bool {
        switch type {
        case .exact: return wanted == value
        case .regularExpression:
            let bytes = Array(value.utf8)
            return (try? BytePattern(wanted))?.matches(bytes.span) ?? false
        }
    }

    private func value(ofHeader name: String) -> String? {
        if name == "host" { return head.fields.text(head.authority) }
        let values = head.fields.entries.filter { head.fields.text($0.name).lowercased() == name }
            .map { head.fields.text($0.value) }
        return values.isEmpty ? nil : values.joined(separator: ", ")
    }

    private static func text(_ match: HTTPRouteMatch) -> String {
        var parts = [match.method?.rawValue, "\(match.path.type.rawValue) \(match.path.value)"].compactMap { $0 }
        parts += match.headers.map { "header \($0.name)=\($0.value)" }
        parts += match.queryParams.map { "query \($0.name)=\($0.value)" }
        return parts.joined(separator: ", ")
    }

    private static func pairs(_ query: String) -> [(name: String, value: String)] {
        query.split(separator: "&").map { part in
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (decoded(sides[0]), sides.count > 1 ? decoded(sides[1]) : "")
        }
    }

    private static func decoded(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%"), let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte == UInt8(ascii: "+") ? 0x20 : byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
