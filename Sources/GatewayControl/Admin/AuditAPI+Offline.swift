import Foundation
import GatewayModel
import GatewayRecords
import Synchronization

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
        let log = try AuditLog(folder, mayStartAnew: false)
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

/// Where a reader of the log's end is.
final class AuditTailCursor: Sendable {
    private let state: Mutex<(next: Int, isOpening: Bool)>

    init(next: Int) { state = Mutex((next, true)) }

    var next: Int {
        get { state.withLock { $0.next } }
        set { state.withLock { $0.next = newValue } }
    }

    /// A line feed, once: the head goes out at once, so that a reader can tell that it is connected.
    func takeOpening() -> [UInt8]? {
        state.withLock { state in
            defer { state.isOpening = false }
            return state.isOpening ? [0x0A] : nil
        }
    }
}
