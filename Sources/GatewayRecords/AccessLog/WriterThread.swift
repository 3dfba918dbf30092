import CLinux
import GatewayModel
import Glibc

/// A plain thread: the log writer blocks in `write`, which no executor's thread may do.
enum WriterThread {
    private final class Body: Sendable {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a detached thread that runs `body` once.
    static func start(_ body: @escaping @Sendable () -> Void) throws(GatewayError) {
        // Safe: the thread takes the one reference that is passed, and it is given back if no thread starts.
        let box = unsafe Unmanaged.passRetained(Body(body))
        var thread = pthread_t()
        let status = unsafe pthread_create(
            &thread, nil,
            { context in
                if let context = unsafe context {
                    let body = unsafe Unmanaged<Body>.fromOpaque(context).takeRetainedValue()
                    sluice_let_loops_come_first()
                    body.run()
                }
                return nil
            }, box.toOpaque())
        guard status == 0 else {
            unsafe box.release()
            throw GatewayError(.internalFault, "cannot start a writer thread", cause: "error \(status)")
        }
        pthread_detach(thread)
    }
}
