import CLinux
import Glibc

/// A plain thread for what waits for the disk, which no executor's thread may do.
package enum BackgroundThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Calls come first where it shares a core with an event loop: a loop that wakes up takes the core from it at once,
    /// and not when its time is over, some three milliseconds later.
    private static let niceness: Int32 = 5
    private static let sliceNanoseconds: UInt64 = 20_000_000

    /// Starts a detached thread that runs `body` once.
    package static func start(_ body: @escaping @Sendable () -> Void) throws(GatewayError) {
        // Safe: the thread takes the one reference that is passed, and it is given back if no thread starts.
        let box = unsafe Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread, nil,
            { context in
                if let context = unsafe context {
                    let body = unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
                    // Where it is not let, it works all the same.
                    _ = sluice_become_batch(BackgroundThread.niceness, BackgroundThread.sliceNanoseconds)
                    body.run()
                }
                return nil
            }, box.toOpaque())
        guard status == 0 else {
            unsafe box.release()
            throw GatewayError(.internalFault, "cannot start a thread", cause: "error \(status)")
        }
        pthread_detach(thread)
    }
}
