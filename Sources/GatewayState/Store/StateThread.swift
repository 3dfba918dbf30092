import Foundation
import GatewayModel

/// A plain thread: it waits for the disk, which no executor's thread may do.
enum StateThread {
    static func start(_ body: @escaping @Sendable () -> Void) throws(GatewayError) {
        let thread = Thread {
            // Calls come first where it shares a core with an event loop. On Linux this is of the thread alone.
            setpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0, 5)
            body()
        }
        thread.name = "sluice-state"
        thread.start()
    }
}
