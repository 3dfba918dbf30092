import GatewayModel
import GatewayRecords
import Glibc

/// Writes records into the log of the folder it is given, several at once, and says on standard output which of them
/// are on the disk: until it is killed, which is what it is for.
@main
struct AuditWriterProgram {
    static func main() async throws {
        let log = try AuditLog(AuditFolder(path: CommandLine.arguments[1]))
        let trail = AuditTrail(log: log)
        let life = UInt64(CommandLine.arguments[2]) ?? 0
        await withTaskGroup { group in
            for writer in 0..<4 {
                group.addTask { await write(as: UInt64(writer), life, to: trail) }
            }
        }
    }

    private static func write(as writer: UInt64, _ life: UInt64, to trail: AuditTrail) async {
        for number in 0..<UInt64(100_000) {
            var event = AuditEvent(.toolCall, timeMilliseconds: AuditClock.wallMilliseconds)
            event.correlation = (life << 8 | writer, number + 1)
            event.operation = "tools/call"
            event.resource = "shell"
            do {
                try await trail.commit(event)
            } catch {
                return
            }
            let line = Array("\(event.correlation.0) \(event.correlation.1)\n".utf8)
            _ = unsafe Glibc.write(1, line, line.count)
        }
    }
}
