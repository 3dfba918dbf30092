import GatewayControl
import GatewayModel

/// Asks the gateway of a state folder, or the folder itself when none runs.
enum StateAccess {
    /// How long a gateway may take from having its folder to answering at its socket: its ports answer earlier.
    private static let startMilliseconds = 10_000
    private static let pauseMilliseconds = 50

    static func ask<Answer>(
        _ folder: String, gateway: () async throws -> Answer, offline: () async throws -> Answer
    ) async throws -> Answer {
        var waited = 0
        while true {
            do { return try await gateway() } catch let error as GatewayError where error.code == .unreachable {
                guard StateAPI.isHeld(stateFolder: folder), waited < startMilliseconds else { break }
            }
            try await Task.sleep(for: .milliseconds(pauseMilliseconds))
            waited += pauseMilliseconds
        }
        return try await offline()
    }
}
