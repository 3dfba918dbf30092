import Foundation
import GRDB
import GatewayModel
import Testing

@testable import GatewayState

@Suite("Usage of an earlier version stays what it was")
struct UsageMigrationTests {
    private let fixture = StateFixture()
    private let names = """
        time, request_id, tenant, team, "user", agent, run, "key", groups, route, model, provider, provider_model,
        operation, status, outcome, flags, attempts, duration, first_token, price_version, input, cache_read,
        cache_write_5m, cache_write_1h, audio_input, output, reasoning, audio_output, cost_micro, cost_pico
        """

    /// A folder as the version before left it: 500 rows over 40 days, some of one millisecond, some out of order.
    private func fill() throws -> [Row] {
        try fixture.open().close()
        let path = fixture.folder + "/" + StateStore.databaseName
        for file in ["", "-wal", "-shm"] { try? FileManager.default.removeItem(atPath: path + file) }
        let database = try DatabaseQueue(path: path)
        try StateSchema.migrator.migrate(database, upTo: "objects-2")
        defer { try? database.close() }
        return try database.write { database in
            for index in 0..<500 {
                let time = fixture.now + index / 2 * 6_912_345 - index % 3 * 1_000
                let row: [(any DatabaseValueConvertible)?] = [
                    time, "request-\(index)", "acme", "team \(index % 2)", "ä'\(index % 2)", "", "run-\(index / 100)",
                    "key", index % 2 == 0 ? "a,b" : "", "default/r", "fast", "openai", "gpt", "chat",
                    index % 5 == 0 ? 503 : 200, index % 5 == 0 ? "failed" : "completed", index % 2, 1 + index % 2,
                    index, index % 4 == 0 ? nil : index, "v1", 1_000 + index, 2, 3, 4, 5, 6, 7, 8, index * 1_000_003,
                    999_999,
                ]
                try database.execute(
                    sql: "INSERT INTO usage VALUES (NULL, \(row.map { _ in "?" }.joined(separator: ", ")))",
                    arguments: StatementArguments(row))
            }
            return try rows(database, "time, id")
        }
    }

    private func rows(_ database: Database, _ order: String) throws -> [Row] {
        try Row.fetchAll(database, sql: "SELECT \(names) FROM usage ORDER BY \(order)")
    }

    @Test func everyRowAndEverySumIsKept() throws {
        let old = try fill()
        let store = try fixture.open()
        let new = try store.reading { try rows($0, "id") }
        #expect(old.count == 500 && old == new)
        #expect(try store.usageRows().map(\.requestID) == old.map { $0["request_id"] })
        for (field, column) in [(UsageField.user, "user"), (.run, "run"), (.outcome, "outcome")] {
            var query = UsageQuery()
            query.by = [field]
            for sum in try store.usage(query) {
                let group = old.filter { $0[column] == sum.values[0] }
                #expect(group.count == sum.calls)
                #expect(group.reduce(0) { $0 + ($1["input"] as Int) } == sum.usage.input)
                let cost = group.reduce(Int128(0)) { $0 + Int128($1["cost_micro"] as Int) * 1_000_000 + 999_999 }
                #expect(cost == sum.cost.picodollars)
            }
        }
        var query = UsageQuery()
        let middle: Int = old[250]["time"]
        query.sinceMilliseconds = middle
        let later = old.count { ($0["time"] as Int) >= middle }
        #expect(try store.usage(query).map(\.calls) == [later])
        #expect(try store.calls(query, limit: 1).map(\.requestID) == [try #require(old.last)["request_id"]])
    }

    @Test func itIsCleanedAwayLikeAnyOther() throws {
        _ = try fill()
        let store = try fixture.open()
        func count(_ table: String) throws -> Int {
            try store.reading { try Int.fetchOne($0, sql: "SELECT count(*) FROM \(table)") ?? 0 }
        }
        let terms = try count("usage_terms")
        #expect(terms > 40 && terms < 500)
        fixture.now += 100 * UsageTerms.ageMaxMilliseconds
        store.fold()
        let rows = try store.usageRows()
        #expect(rows.count > 100 && rows.count < 500)
        #expect(try count("usage_calls") == rows.count)
        #expect(try count("usage_terms") < terms)
        fixture.now += 50 * UsageTerms.ageMaxMilliseconds
        store.fold()
        #expect(try count("usage_calls") == 0)
        #expect(try count("usage_terms") == 0)
    }
}
