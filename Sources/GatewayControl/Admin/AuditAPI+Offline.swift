import Foundation
import GatewayModel
import GatewayRecords

extension AuditAPI {
    /// Answers from a state folder that no gateway uses, for whoever may read it: its permissions are the proof. The
    /// reading is recorded there. `take` gets the answer piece by piece.
    package static func offline(
        stateFolder: String, path: String, query: String, take: ([UInt8]) -> Void
    ) async throws {
        let folder = AuditFolder(stateFolder: stateFolder)
        guard folder.exists else {
            throw GatewayError(
                .unreachable, "no gateway answers in state folder \"\(stateFolder)\", and it holds no audit log",
                hint: "start one with 'sluice run', or name its folder with --state or SLUICE_STATE")
        }
        let log: AuditLog
        do { log = try AuditLog(folder, mayStartAnew: false) } catch {
            // That it is damaged is what the status is asked for.
            guard path == statusPath, error.code != .conflict else { throw error }
            let damage = error.message + (error.cause.map { ": \($0)" } ?? "")
            return take(Array(JSONPrinter.print(.object(standing(.off, folder, damage: damage))).utf8))
        }
        defer { log.close() }
        let api = AuditAPI(trail: AuditTrail(log: log), folder: folder)
        let segments = path.split(separator: "/").map { PercentText.decoded($0) ?? "" }
        for endpoint in endpoints {
            guard let parameters = AdminEndpoint.match(endpoint.path, segments) else { continue }
            var request = AdminRequest(path: path, query: query)
            request.source = "unix"
            request.localPeer = AdminCaller.own
            let call = AdminCall(
                request: request, parameters: parameters, query: try AdminQuery(query, allowed: endpoint.query))
            switch try await endpoint.handle(api, call).body {
            case .bytes(let bytes): take(bytes)
            case .stream(let stream): for await part in stream { take(part) }
            }
            return
        }
        throw GatewayError(.notFound, "no path \(path)")
    }
}
