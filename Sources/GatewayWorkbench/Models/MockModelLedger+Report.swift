import GatewayModel

extension MockModelLedger {
    /// `GET /mock/ledger`: every sum, the totals of each outcome, and how many calls are still under way.
    var report: JSONDocument {
        let (sums, open) = sumsAndOpen
        var rows: [JSONDocument] = []
        var totals: [MockModelOutcome: Sum] = [:]
        for key in sums.keys.sorted() {
            guard let sum = sums[key] else { continue }
            totals[key.outcome, default: Sum()].add(sum)
            var row: JSONDocument = [
                "key": .string(key.key), "model": .string(key.model), "dialect": .string(key.dialect.rawValue),
                "operation": .string(key.operation), "outcome": .string(key.outcome.rawValue),
            ]
            for member in Self.document(sum).members { row.set(member.name, member.value) }
            rows.append(row)
        }
        var byOutcome: JSONDocument = [:]
        for outcome in MockModelOutcome.allCases {
            byOutcome.set(outcome.rawValue, Self.document(totals[outcome] ?? Sum()))
        }
        var total = Sum()
        for sum in totals.values { total.add(sum) }
        return [
            "total": Self.document(total), "byOutcome": byOutcome, "open": .int(open), "rows": .array(rows),
        ]
    }

    private static func document(_ sum: Sum) -> JSONDocument {
        var document: JSONDocument = ["requests": .int(sum.requests)]
        for member in usageDocument(sum.usage).members { document.set(member.name, member.value) }
        return document
    }

    private static func usageDocument(_ usage: TokenUsage) -> JSONDocument {
        [
            "inputTokens": .int(usage.inputTotal), "outputTokens": .int(usage.outputTotal),
            "cacheRead": .int(usage.cacheRead), "cacheWrite5m": .int(usage.cacheWrite5m),
            "cacheWrite1h": .int(usage.cacheWrite1h), "reasoning": .int(usage.reasoning),
        ]
    }

    /// `GET /mock/journal?last=N`: the calls that ended, with headers as they came and bodies as fingerprints.
    func journal(last count: Int) -> JSONDocument {
        .array(
            entries.suffix(count).map { entry in
                var headers: [JSONDocument] = []
                for header in entry.headers { headers.append([.string(header.name), .string(header.value)]) }
                return [
                    "number": .int(entry.number), "method": .string(entry.method), "target": .string(entry.target),
                    "operation": .string(entry.operation), "dialect": .string(entry.dialect.rawValue),
                    "model": .string(entry.model), "key": .string(entry.key), "status": .int(entry.status),
                    "outcome": .string(entry.outcome?.rawValue ?? ""), "fault": .string(entry.fault),
                    "stream": .bool(entry.isStream), "usage": Self.usageDocument(entry.usage),
                    "bodyBytes": .int(entry.bodyBytes),
                    "bodyFingerprint": .string(hexadecimal(entry.bodyFingerprint)), "headers": .array(headers),
                ]
            })
    }
}
