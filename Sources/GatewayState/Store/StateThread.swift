import CLinux
import Foundation
import GatewayModel

/// A plain thread: it waits for the disk, which no executor's thread may do.
enum StateThread {
    static func start(_ body: @escaping @Sendable () -> Void) throws(GatewayError) {
        let thread = Thread {
            sluice_let_loops_come_first()
            body()
        }
        thread.name = "sluice-state"
        thread.start()
    }
}
