/// Where the numbers of a server of tools lie in its run of words.
enum ToolLayout {
    static let results = ToolCallRecord.Result.allCases.count
    static let kinds = ToolCallRecord.Kind.allCases.count
    static let calls = 0
    static let redactions = calls + kinds * results
    static let bytes = redactions + 1
    static let durationSum = bytes + 1
    static let buckets = durationSum + kinds
    /// What the gateway itself asks servers, by kind and failure.
    static let failures = ToolClientRecord.Failure.allCases.count
    static let clientSums = buckets + kinds * DurationBuckets.count
    static let clientBuckets = clientSums + kinds * failures
    static let sessionSum = clientBuckets + kinds * failures * DurationBuckets.count
    static let sessionBuckets = sessionSum + 1
    static let stride = sessionBuckets + DurationBuckets.count
}

extension MetricValues {
    /// Counts a request to a room of tools, by the slot of its server's backend.
    mutating func count(_ note: ToolCallNote, nanoseconds: UInt64) {
        // Asked for part by part: the whole would be copied, many texts.
        let start = toolStart(note.call.slot)
        let kind = Int(note.call.kind.rawValue)
        tools[start + ToolLayout.calls + kind * ToolLayout.results + Int(note.call.result.rawValue)] &+= 1
        tools[start + ToolLayout.redactions] &+= UInt64(max(0, note.call.redactions))
        tools[start + ToolLayout.bytes] &+= UInt64(max(0, note.call.resultBytes))
        tools[start + ToolLayout.durationSum + kind] &+= nanoseconds
        let buckets = start + ToolLayout.buckets + kind * DurationBuckets.count
        tools[buckets + DurationBuckets.index(nanoseconds)] &+= 1
    }

    /// Where the words of a server begin; a slot past the bound is slot 0.
    private mutating func toolStart(_ id: Int) -> Int {
        let slot = id > 0 && id < slotsMax ? id : 0
        let start = slot * ToolLayout.stride
        if start + ToolLayout.stride > tools.count { MetricValues.grow(&tools, start + ToolLayout.stride) }
        return start
    }

    mutating func count(
        operation kind: ToolCallRecord.Kind, slot: Int, failure: ToolClientRecord.Failure, nanoseconds: UInt64
    ) {
        let start = toolStart(slot)
        let cell = Int(kind.rawValue) * ToolLayout.failures + Int(failure.rawValue)
        tools[start + ToolLayout.clientSums + cell] &+= nanoseconds
        let buckets = start + ToolLayout.clientBuckets + cell * DurationBuckets.count
        tools[buckets + DurationBuckets.index(nanoseconds)] &+= 1
    }

    mutating func count(sessionSlot slot: Int, nanoseconds: UInt64) {
        let start = toolStart(slot)
        tools[start + ToolLayout.sessionSum] &+= nanoseconds
        tools[start + ToolLayout.sessionBuckets + DurationBuckets.index(nanoseconds)] &+= 1
    }
}

extension LoopMetrics {
    /// Counts what the gateway asked a server, as its client; once for each, on every way it can end.
    package func recordToolOperation(
        _ method: String, slot: Int, failure: ToolClientRecord.Failure, nanoseconds: UInt64
    ) {
        let kind = ToolCallRecord.Kind(method)
        update { $0.count(operation: kind, slot: slot, failure: failure, nanoseconds: nanoseconds) }
    }

    /// Counts a session that the gateway had at a server and that has ended.
    package func recordToolSession(slot: Int, nanoseconds: UInt64) {
        update { $0.count(sessionSlot: slot, nanoseconds: nanoseconds) }
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

    static let toolClientDuration = MetricDescription(
        "mcp_client_operation_duration_seconds", .histogram, "From a request to a server of tools to its answer.",
        labels: ["sluice_tool_server", "mcp_method_name", "error_type"],
        telemetry: TelemetryName(
            name: "mcp.client.operation.duration", unit: "s",
            attributes: ["sluice.tool.server", "mcp.method.name", "error.type"]))
    static let toolSessionDuration = MetricDescription(
        "mcp_client_session_duration_seconds", .histogram,
        "How long sessions at servers of tools were open, to their end or their last use.",
        labels: ["sluice_tool_server"],
        telemetry: TelemetryName(
            name: "mcp.client.session.duration", unit: "s", attributes: ["sluice.tool.server"]))

    static let tools = [
        toolRequests, toolDuration, toolBytes, toolRedactions, toolClientDuration, toolSessionDuration,
    ]
}

extension MetricSample {
    /// The families of tools; slot 0 is shown as `none`: requests that no one server was asked for.
    func toolFamilies() -> [MetricFamily] {
        var families = MetricCatalog.tools.map { MetricFamily(description: $0, points: []) }
        for (slot, name) in backends.enumerated() {
            let start = slot * ToolLayout.stride
            guard start + ToolLayout.stride <= values.tools.count else { break }
            let words = Array(values.tools[start..<(start + ToolLayout.stride)])
            addClient(words, name.isEmpty ? "none" : name, to: &families)
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

    /// What the gateway itself asked a server, and its sessions there.
    private func addClient(_ words: [UInt64], _ server: String, to families: inout [MetricFamily]) {
        func histogram(_ first: Int, sum: Int) -> MetricFamily.Number? {
            let buckets = Array(words[first..<(first + DurationBuckets.count)])
            guard buckets.contains(where: { $0 > 0 }) else { return nil }
            return .histogram(buckets: buckets, sumNanoseconds: words[sum])
        }
        for kind in ToolCallRecord.Kind.allCases {
            for failure in ToolClientRecord.Failure.allCases {
                let cell = Int(kind.rawValue) * ToolLayout.failures + Int(failure.rawValue)
                let first = ToolLayout.clientBuckets + cell * DurationBuckets.count
                guard let number = histogram(first, sum: ToolLayout.clientSums + cell) else { continue }
                families[4].points.append(.init(labels: [server, kind.name, failure.name], number: number))
            }
        }
        if let number = histogram(ToolLayout.sessionBuckets, sum: ToolLayout.sessionSum) {
            families[5].points.append(.init(labels: [server], number: number))
        }
    }
}
