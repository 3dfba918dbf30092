// Safe: the sources are made here, resumed once and only cancelled afterwards; Dispatch locks inside.
@unsafe @preconcurrency import Dispatch
import Glibc
import Synchronization

/// The signals a gateway answers to.
enum Signals {
    enum Kind: Sendable {
        case stop, reopenLogs
    }

    /// Takes over SIGTERM, SIGINT and SIGHUP; the second stop signal ends the process at once.
    static func stream() -> AsyncStream<Kind> {
        // A peer or a pipe that goes away is an error of that write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        return AsyncStream { continuation in
            let sources = [SIGTERM, SIGINT, SIGHUP].map { watch($0, continuation) }
            continuation.onTermination = { _ in
                for source in sources { source.cancel() }
            }
        }
    }

    private static func watch(
        _ number: Int32, _ continuation: AsyncStream<Kind>.Continuation
    ) -> any DispatchSourceSignal {
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
        source.setEventHandler {
            if number != SIGHUP { signal(number, SIG_DFL) }
            continuation.yield(number == SIGHUP ? .reopenLogs : .stop)
        }
        source.resume()
        return source
    }
}
