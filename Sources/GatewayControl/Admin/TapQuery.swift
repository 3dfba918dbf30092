import GatewayModel
import GatewayRecords

/// Query parameters of `/v1/tap`.
enum TapQuery {
    static let names = ["method", "host", "path", "status", "route", "principal", "oneIn", "slowMilliseconds"]

    static func filter(_ query: AdminQuery) throws(GatewayError) -> TapFilter {
        var filter = TapFilter()
        filter.method = query["method"]?.uppercased()
        filter.host = query["host"]?.lowercased()
        filter.pathPrefix = query["path"]
        filter.route = query["route"].map { $0.contains("/") ? $0 : "\(ObjectMeta.defaultNamespace)/\($0)" }
        filter.principal = query["principal"]
        filter.oneIn = max(1, try query.number("oneIn") ?? 1)
        filter.slowMilliseconds = try query.number("slowMilliseconds") ?? 0
        if let status = query["status"] {
            guard let range = range(status) else {
                throw GatewayError(.usage, "not a status: \(status)", hint: "write 404, 5xx or 400-499")
            }
            filter.statusMin = range.lowerBound
            filter.statusMax = range.upperBound
        }
        return filter
    }

    private static func range(_ text: String) -> ClosedRange<Int>? {
        if text.count == 3, text.lowercased().hasSuffix("xx"), let hundred = text.first?.wholeNumberValue,
            (1...5).contains(hundred)
        {
            return hundred * 100...hundred * 100 + 99
        }
        let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
        guard let first = ends.first, let low = first, let last = ends.last, let high = last, ends.count <= 2,
            (100...599).contains(low), low <= high, high <= 599
        else { return nil }
        return low...high
    }
}
