import GatewayModel
import Testing

@testable import sluice

@Suite("Commands end with the status and the words a script can rely on")
struct ExitStatusTests {
    @Test(arguments: [
        (["check", "--no-such-option"], Int32(2), "unknown option '--no-such-option'"),
        (["check"], 2, "no file is named"), (["chekc"], 2, "did you mean \"check\"?"),
        (["get"], 2, "see 'sluice get --help'"), (["get", "nothing"], 2, "unknown kind"),
        (["get", "backends", "--state", "/nonexistent/state"], 3, "no gateway answers"),
        (["status", "--state", "/nonexistent/state"], 3, "--state or SLUICE_STATE"),
        (["apply", "-f", "/nonexistent/file", "--state", "/nonexistent/state"], 1, "SL-1013"),
        (["delete", "backends", "--state", "/nonexistent/state"], 2, "no name is given"),
        (["rollback", "x"], 2, "SL-6001"), (["debug", "pool"], 2, "did you mean \"pools\"?"),
        (["explain"], 2, "SL-6001"), (["explain", "GET", "nowhere", "-f", "examples"], 1, ""),
        (["trace"], 2, "no command is given"), (["call", "http://127.0.0.1:1/"], 3, "SL-6002"),
        (["call", "nowhere"], 2, "URL needs http"),
        (["call", "--http", "h9", "http://a/"], 2, "allowed: h1, h2, auto"),
        (["run", "--admin", "nowhere"], 2, "not HOST:PORT or none: nowhere"), (["run", "--loops", "0"], 2, "--loops"),
        (["run", "--port", "0"], 2, "--port"), (["run", "--port", "1", "-f", "a"], 2, "a listener has it"),
        (["mock", "http", "--key", "a"], 2, "belong together"), (["mock", "smtp"], 2, "SL-6001"),
        (["scenario", "run", "/nonexistent/file"], 1, "/nonexistent/file"),
        (["scenario", "run", "a", "--set", "b"], 2, "not NAME=VALUE: b"),
        (["attack", "http", "http://192.0.2.1/"], 4, "loopback only"), (["completion", "csh"], 2, "allowed: "),
        (["key", "hash"], 2, "--id"), (["diff", "-f", "a", "--from", "1"], 2, "compare revisions"),
        (["schema", "httprout"], 2, "did you mean"), (["why", "--nothing"], 2, "unknown option '--nothing'"),
        (["wyh"], 2, "did you mean \"why\"?"),
    ])
    func `a wrong command line has a status, a line and a hint`(
        words: [String], status: Int32, text: String
    ) async {
        let run = await CommandRun.of(words)
        #expect(run.status == status, "\(words): \(run.error)")
        #expect(run.error.contains(text), "\(words): \(run.error)")
        #expect(run.out.isEmpty)
    }

    @Test(arguments: [["help"], ["--help"], ["help", "check"], ["check", "--help"], ["--version"], ["version"]])
    func `what is asked for is no error`(words: [String]) async {
        let run = await CommandRun.of(words)
        #expect(run.status == 0)
        #expect(!run.out.isEmpty && run.error.isEmpty)
    }

    @Test(arguments: ErrorCode.allCases)
    func `every code has a status`(code: ErrorCode) {
        let status = sluice.ExitStatus(code)
        let wanted: sluice.ExitStatus =
            switch code.rawValue {
            case "SL-6001": .usage
            case "SL-6002": .unreachable
            case "SL-6003", "SL-3001", "SL-3002": .denied
            default: .findings
            }
        #expect(status == wanted)
    }
}
