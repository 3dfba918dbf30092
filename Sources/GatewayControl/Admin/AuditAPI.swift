import Foundation
package import GatewayModel
import GatewayRecords
import GatewayWire
import Synchronization

/// What the admin API says of the audit log. Every reading is itself a record, on the disk before anything is shown.
/// It also answers without a gateway, on the folder of one that does not run.
package struct AuditAPI: Sendable {
    let trail: AuditTrail
    let folder: AuditFolder
    let isDraining: @Sendable () -> Bool

    init(trail: AuditTrail, folder: AuditFolder, isDraining: @escaping @Sendable () -> Bool = { false }) {
        self.trail = trail
        self.folder = folder
        self.isDraining = isDraining
    }

    /// One path, as `AdminEndpoint` has them.
    struct Endpoint: Sendable {
        var path: String
        var query: [String]
        var summary: String
        var handle: @Sendable (AuditAPI, AdminCall) async throws -> AdminResponse

        init(
            _ path: String, query: [String] = [], _ summary: String,
            _ handle: @escaping @Sendable (AuditAPI, AdminCall) async throws -> AdminResponse
        ) {
            self.path = path
            self.query = query
            self.summary = summary
            self.handle = handle
        }
    }

    static let statusPath = "/v1/audit/status"

    private static let filters = ["since", "until"] + AuditFilter.Field.allCases.map(\.rawValue)

    static let endpoints: [Endpoint] = [
        Endpoint("/v1/audit", query: filters + ["limit", "before"], "records of the audit log, newest first") {
            try await $0.search($1)
        },
        Endpoint(
            "/v1/audit/tail", query: filters + ["last"], "records since a time, or the last so many, then as they come"
        ) { try await $0.tail($1) },
        Endpoint("/v1/audit/export", query: filters + ["from"], "records with what proves them, as JSON lines") {
            try await $0.export($1)
        },
        Endpoint(statusPath, "where the log is, whether it is healthy, its newest checkpoint, its sinks") {
            api, _ in api.status()
        },
        Endpoint("/v1/audit/proof/{index}", query: ["from"], "one record with its proof, as JSON lines") {
            try await $0.proof($1)
        },
        Endpoint("/v1/audit/{index}", "one record") { try await $0.show($1) },
    ]

    static let recordsMax = 10_000

    // MARK: Reading

    /// Says in the log who reads what, before it is read.
    func note(_ call: AdminCall, _ operation: String) async throws {
        var event = AuditEvent(.auditRead, timeMilliseconds: AuditClock.wallMilliseconds)
        event.principal = AdminCaller.principal(call.request)
        event.source = call.request.source
        event.correlation = call.request.id
        event.operation = operation
        event.resource = "audit log"
        event.decision = AuditDecision(.allowed)
        event.details = [AuditFact("path", call.request.path), AuditFact("query", call.request.query)]
        try await trail.commit(event)
    }

    func search(_ call: AdminCall) async throws -> AdminResponse {
        let filter = try filter(call)
        let limit = min(try call.query.number("limit") ?? 100, Self.recordsMax)
        try await note(call, "audit.search")
        let found = AuditReader(folder).search(filter, limit: limit, before: try call.query.number("before") ?? .max)
        var body = Array("{\"items\":[".utf8)
        for (position, entry) in found.enumerated() {
            if position > 0 { body.append(0x2C) }
            body += Self.line(entry)
        }
        body += Array("]}\n".utf8)
        return Self.answer(body)
    }

    func show(_ call: AdminCall) async throws -> AdminResponse {
        let index = try index(call)
        try await note(call, "audit.show")
        guard let entry = AuditReader(folder).entry(index) else {
            throw GatewayError(.notFound, "no record \(index)", hint: "'sluice audit search' lists what is there")
        }
        return Self.answer(Self.line(entry) + [0x0A])
    }

    func proof(_ call: AdminCall) async throws -> AdminResponse {
        let index = try index(call)
        try await note(call, "audit.prove")
        return Self.answer(try bundle(call).proof(of: index), type: "application/x-ndjson")
    }

    func export(_ call: AdminCall) async throws -> AdminResponse {
        let filter = try filter(call)
        try await note(call, "audit.export")
        // It is made as fast as its reader takes it. One that breaks off has no last line, and is no whole bundle.
        let lines = Mutex(try bundle(call).lines(filter: filter.isEmpty ? nil : filter))
        return .stream("application/x-ndjson", AsyncStream { lines.withLock { try? $0.take() } })
    }

    /// `from` has the sizes of checkpoints that the reader kept.
    private func bundle(_ call: AdminCall) throws(GatewayError) -> AuditBundle {
        var bundle = try AuditBundle(folder)
        guard let text = call.query["from"] else { return bundle }
        let sizes = text.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard sizes.count <= 64, !sizes.contains(where: { ($0 ?? -1) < 0 }) else {
            throw GatewayError(
                .usage, "not sizes of checkpoints: \(text.prefix(80))", hint: "at most 64 numbers with commas between")
        }
        bundle.keptSizes = sizes.compactMap(\.self)
        return bundle
    }

    // MARK: Words

    private func index(_ call: AdminCall) throws(GatewayError) -> Int {
        guard let index = Int(call["index"]), index >= 0 else {
            throw GatewayError(.usage, "not the number of a record: \(call["index"])")
        }
        return index
    }

    func filter(_ call: AdminCall) throws(GatewayError) -> AuditFilter {
        var filter = AuditFilter()
        if let since = call.query["since"] { filter.sinceMilliseconds = try AuditAPI.milliseconds(since) }
        if let until = call.query["until"] { filter.untilMilliseconds = try AuditAPI.milliseconds(until) }
        for field in AuditFilter.Field.allCases {
            guard let value = call.query[field.rawValue] else { continue }
            try Self.check(value, of: field)
            filter.terms.append(AuditFilter.Term(field, value))
        }
        return filter
    }

    /// What no record can say finds nothing, which reads as if nothing had happened.
    private static func check(_ value: String, of field: AuditFilter.Field) throws(GatewayError) {
        guard let known = field.knownValues, !known.contains(where: { NamePattern(value).matches($0) }) else { return }
        throw GatewayError(
            .usage, "no \(field.rawValue) is \"\(value)\"", hint: "known: \(known.joined(separator: ", "))")
    }

    /// A time as `--since` writes it.
    package static func milliseconds(_ text: String) throws(GatewayError) -> Int {
        // Records are told apart by milliseconds: 2026-11-25T00:00:00.123Z.
        if let found = text.wholeMatch(of: /(.*:[0-9]{2})\.([0-9]{1,3})[0-9]*(Z|[+-][0-9:]+)/) {
            let fraction = (Int(found.2) ?? 0) * (found.2.count == 1 ? 100 : found.2.count == 2 ? 10 : 1)
            return try milliseconds(String(found.1 + found.3)) + fraction
        }
        return try StateAPI.seconds(text, nowSeconds: AuditClock.wallMilliseconds / 1_000, direction: -1) * 1_000
    }

    static func line(_ entry: AuditEntry) -> [UInt8] {
        Array("{\"index\":\(entry.index),\"record\":".utf8) + entry.text + [0x7D]
    }

    private static func answer(_ body: [UInt8], type: String = "application/json") -> AdminResponse {
        AdminResponse(
            status: 200, fields: [("content-type", type), ("cache-control", "no-store")], body: .bytes(body))
    }
}
