import GatewayModel
import GatewayRecords
import Glibc

/// Writes records into the log of the folder it is given, several at once, and says on standard output which of them
/// are on the disk: until it is killed, which is what it is for. Half of its writers leave calls open.
///
/// With a third argument its files may be that long, as on a disk that fills: a write then ends in its midst. Once the
/// log has refused a record there is room again, a hundred more are written, and it ends by itself.
@main
struct AuditWriterProgram {
    static func main() async throws {
        let log = try AuditLog(AuditFolder(path: CommandLine.arguments[1]))
        let life = UInt64(CommandLine.arguments[2]) ?? 0
        let strict = AuditTrail(log: log, rules: AuditRules([AuditPolicySpec(auditClass: .strict)]))
        if CommandLine.arguments.count > 3 {
            await fill(strict, life, bytesMax: UInt(CommandLine.arguments[3]) ?? 0)
            log.close()
            return
        }
        let trail = AuditTrail(log: log)
        await withTaskGroup { group in
            for writer in 0..<4 {
                let writer = UInt64(writer)
                group.addTask { await write(as: writer, life, to: writer % 2 == 0 ? trail : strict) }
            }
        }
    }

    private static func event(_ writer: UInt64, _ life: UInt64, _ number: UInt64) -> AuditEvent {
        var event = AuditEvent(.toolCall, timeMilliseconds: AuditClock.wallMilliseconds)
        event.correlation = (life << 8 | writer, number + 1)
        event.operation = "tools/call"
        event.resource = "shell"
        return event
    }

    private static func tell(_ event: AuditEvent) {
        let line = Array("\(event.correlation.0) \(event.correlation.1)\n".utf8)
        _ = unsafe Glibc.write(1, line, line.count)
    }

    private static func write(as writer: UInt64, _ life: UInt64, to trail: AuditTrail) async {
        for number in 0..<UInt64(100_000) {
            let event = event(writer, life, number)
            do {
                if writer % 2 == 0 {
                    try await trail.commit(event)
                } else {
                    // Its outcome comes after the records of others, or never.
                    let ticket = try await trail.begin(event)
                    if number % 3 > 0 { await Task.yield() }
                    ticket.outcome(timeMilliseconds: AuditClock.wallMilliseconds) {
                        $0.effect = AuditEffect(.done, status: 200)
                    }
                }
            } catch {
                return
            }
            tell(event)
        }
    }

    private static func fill(_ trail: AuditTrail, _ life: UInt64, bytesMax: UInt) async {
        signal(SIGXFSZ, SIG_IGN)
        setSize(bytesMax)
        var left = Int.max
        for number in 0..<UInt64(100_000) where left > 0 {
            let event = event(0, life, number)
            do {
                _ = try await trail.begin(event)
                tell(event)
            } catch {
                if left == .max { left = 100 }
                setSize(UInt.max)
                // Until the log has found out.
                try? await Task.sleep(for: .milliseconds(20))
            }
            if left < .max { left -= 1 }
        }
    }

    private static func setSize(_ bytesMax: UInt) {
        var limit = rlimit(rlim_cur: bytesMax, rlim_max: .max)
        // Safe: the pointer is to a local and is used during the call only.
        unsafe setrlimit(__rlimit_resource_t(RLIMIT_FSIZE.rawValue), &limit)
    }
}
