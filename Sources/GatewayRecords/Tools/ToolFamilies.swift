/// Where the numbers of a server of tools lie in its run of words.
enum ToolLayout {
    static let results = ToolCallRecord.Result.allCases.count
    static let kinds = ToolCallRecord.Kind.allCases.count
    static let calls = 0
    static let redactions = calls + kinds * results
    static let bytes = redactions + 1
    static let durationSum = bytes + 1
    static let buckets = durationSum + kinds
    static let stride = buckets + kinds * DurationBuckets.count
}

extension MetricValues {
    /// Counts a request to a room of tools, by the slot of its server's backend.
    mutating func count(_ call: borrowing ToolCallRecord, nanoseconds: UInt64) {
        let slot = call.slot > 0 && call.slot < slotsMax ? call.slot : 0
        let start = slot * ToolLayout.stride
        if start + ToolLayout.stride > tools.count { MetricValues.grow(&tools, start + ToolLayout.stride) }
        tools[start + ToolLayout.calls + Int(call.kind.rawValue) * ToolLayout.results + Int(call.result.rawValue)] &+= 1
        tools[start + ToolLayout.redactions] &+= UInt64(max(0, call.redactions))
        tools[start + ToolLayout.bytes] &+= UInt64(max(0, call.resultBytes))
        let kind = Int(call.kind.rawValue)
        tools[start + ToolLayout.durationSum + kind] &+= nanoseconds
        let buckets = start + ToolLayout.buckets + kind * DurationBuckets.count
        tools[buckets + DurationBuckets.index(nanoseconds)] &+= 1
    }
}

extension MetricCatalog {
    static let toolRequests = MetricDescription(
        "sluice_tool_requests_total", .counter, "Requests to servers of tools, by what came of them.",
        labels: ["server", "method", "result"])
    static let toolDuration = MetricDescription(
        "mcp_server_operation_duration_seconds", .histogram, "From a message about tools to the end of its answer.",
        labels: ["sluice_tool_server", "mcp_method_name"],
        telemetry: TelemetryName(
            name: "mcp.server.operation.duration", unit: "s",
            attributes: ["sluice.tool.server", "mcp.method.name"]))
    static let toolBytes = MetricDescription(
        "sluice_tool_result_bytes_total", .counter, "Bytes of results as clients got them.", labels: ["server"])
    static let toolRedactions = MetricDescription(
        "sluice_tool_redactions_total", .counter, "Words of results that were made unreadable.", labels: ["server"])

    static let tools = [toolRequests, toolDuration, toolBytes, toolRedactions]
}

extension MetricSample {
    /// The families of tools; slot 0 is shown as `none`: requests that no one server was asked for.
    func toolFamilies() -> [MetricFamily] {
        var families = MetricCatalog.tools.map { MetricFamily(description: $0, points: []) }
        for (slot, name) in backends.enumerated() {
            let start = slot * ToolLayout.stride
            guard start + ToolLayout.stride <= values.tools.count else { break }
            let words = Array(values.tools[start..<(start + ToolLayout.stride)])
            guard words[..<ToolLayout.redactions].contains(where: { $0 > 0 }) else { continue }
            let server = name.isEmpty ? "none" : name
            for kind in ToolCallRecord.Kind.allCases {
                for result in ToolCallRecord.Result.allCases {
                    let count = words[Int(kind.rawValue) * ToolLayout.results + Int(result.rawValue)]
                    guard count > 0 else { continue }
                    families[0].points.append(
                        .init(labels: [server, kind.name, result.name], number: .count(count)))
                }
            }
            for kind in ToolCallRecord.Kind.allCases {
                let first = ToolLayout.buckets + Int(kind.rawValue) * DurationBuckets.count
                let buckets = Array(words[first..<(first + DurationBuckets.count)])
                guard buckets.contains(where: { $0 > 0 }) else { continue }
                families[1].points.append(
                    .init(
                        labels: [server, kind.name],
                        number: .histogram(
                            buckets: buckets,
                            sumNanoseconds: words[ToolLayout.durationSum + Int(kind.rawValue)],
                            bounds: DurationBuckets.upperSeconds)))
            }
            families[2].points.append(.init(labels: [server], number: .count(words[ToolLayout.bytes])))
            families[3].points.append(.init(labels: [server], number: .count(words[ToolLayout.redactions])))
        }
        return families
    }
}
