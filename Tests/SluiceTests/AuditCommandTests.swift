import Foundation
import GatewayModel
import GatewayRecords
import Testing

@testable import sluice

@Suite("An auditor's questions are commands", .timeLimit(.minutes(1)))
struct AuditCommandTests {
    private let folder: TemporaryFolder
    private var state: String { folder.path + "/state" }

    init() throws {
        folder = try TemporaryFolder()
        try Self.fill(folder.path + "/state")
    }

    private func run(_ words: [String]) async -> CommandRun { await CommandRun.of(words + ["--state", state]) }

    /// A call that was made, one that failed, one that was refused, and what a log says of itself.
    private static func fill(_ state: String) throws {
        let log = try AuditLog(AuditFolder(stateFolder: state))
        let trail = AuditTrail(log: log)
        let now = AuditClock.wallMilliseconds
        var call = AuditEvent(.modelCall, timeMilliseconds: now)
        call.correlation = (1, 2)
        call.principal = Principal(
            proof: .token, tenant: "acme", user: "ada", agent: "coder", run: "run-42", groups: ["dev"],
            credentialID: "key-1",
            detail: PrincipalDetail(
                issuer: "https://login.example", delegation: [Delegate(subject: "planner")], grantID: "grant-7"))
        call.operation = "chat"
        call.model = AuditModel(requested: "gpt-5-mini", name: "gpt-5-mini")
        var decision = AuditDecision(.allowed)
        decision.rule = "default/dev"
        call.decision = decision
        for state in [AuditEffect.State.done, .failed] {
            guard case .proceed(let ticket) = trail.intent(call) else { continue }
            ticket.outcome(timeMilliseconds: now) { event in
                event.effect = AuditEffect(state, status: state == .done ? 200 : 502)
                event.destination = AuditDestination(host: "api.openai.com")
                event.credential = AuditCredential(id: "OPENAI_API_KEY", kind: "static")
            }
        }
        var denied = call
        denied.model = AuditModel(requested: "secret", name: "secret")
        denied.decision = AuditDecision(.denied)
        denied.decision?.code = .modelNotAllowed
        trail.record(denied)
        var lost = AuditEvent(.finding, timeMilliseconds: now)
        lost.operation = "audit.dropped"
        trail.record(lost)
        log.close()
    }

    private static let policy = """
        {apiVersion: sluice.dev/v1alpha1, kind: ModelProvider, metadata: {name: p},
         spec: {dialect: openai, baseURL: "http://127.0.0.1:1/v1"}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelCatalog, metadata: {name: c},
         spec: {models: [{name: gpt-5-mini, targets: [{provider: p}], price: {input: "1", output: "1"}}]}}
        ---
        {apiVersion: sluice.dev/v1alpha1, kind: ModelAccessPolicy, metadata: {name: dev},
         spec: {subjects: [{group: dev}], models: ["gpt-5-mini"]}}
        """

    /// The commands of the page, in order.
    static func commands() throws -> [[String]] {
        let page = try String(contentsOfFile: Package.path("Documentation/Audit.md"), encoding: .utf8)
        var commands: [[String]] = []
        var isCode = false
        for line in page.split(separator: "\n") {
            let text = line.drop { $0 == " " }
            if text.hasPrefix("```") { isCode = text == "```sh" }
            guard isCode, text.hasPrefix("sluice ") else { continue }
            commands.append(text.split(separator: " ").dropFirst().map { String($0.filter { $0 != "'" }) })
        }
        return commands
    }

    @Test("a bundle that broke off is told of, and not taken for one")
    func broken() throws {
        let sink = try BundleFile(folder.path + "/half")
        sink.write(#"{"format":"sluice-audit-bundle/2"}"#)
        #expect(throws: GatewayError.self) { try sink.close() }
        let whole = try BundleFile(folder.path + "/whole")
        whole.write(#"{"end":0}"#)
        try whole.close()
    }

    @Test("every command of the page answers")
    func page() async throws {
        try FileManager.default.createDirectory(atPath: folder.path + "/new", withIntermediateDirectories: true)
        _ = try folder.write(Self.policy, to: "new/policy.yaml")
        #expect(await run(["key", "create", "--user", "ada"]).status == 0)
        let commands = try Self.commands()
        #expect(commands.count { $0.first == "audit" } >= 12)
        for command in commands {
            let words = command.map { word in
                ["new/", "audit.bundle"].contains(word) ? "\(folder.path)/\(word)" : word
            }
            let done = await run(words)
            #expect(done.status == 0, "\(command): \(done.error) \(done.out)")
            #expect(!done.out.hasPrefix("no records"), "\(command)")
        }
    }

    @Test("a reading is a record; a byte that was changed is found, located, and told by the exit status")
    func changed() async throws {
        #expect(await run(["audit", "search", "--run", "run-42"]).status == 0)
        let readings = await run(["audit", "search", "--where", "operation=audit.search"])
        #expect(readings.out.contains("audit log"))
        let bundle = folder.path + "/b"
        #expect(await run(["audit", "export", "--to", bundle]).status == 0)
        let key = state + "/audit/verifier"
        #expect(await CommandRun.of("audit", "verify", bundle, "--key", key).status == 0)
        let text = try String(contentsOfFile: bundle, encoding: .utf8)
        _ = try folder.write(text.replacing("\"planner\"", with: "\"another\""), to: "b")
        let found = await CommandRun.of("audit", "verify", bundle, "--key", key)
        #expect(found.status == 1)
        #expect(found.out.contains("edited: record 0:"))
        #expect(await CommandRun.of("audit", "verify", bundle, "--key", "nonsense").status == 2)
        let folders = await CommandRun.of("audit", "verify", folder.path)
        #expect(folders.error.contains("a folder is no bundle: \(folder.path)"), "\(folders.error)")
        #expect(folders.error.contains("--state") && !folders.error.contains("Cocoa"), "\(folders.error)")
    }

    @Test("the log's standing is told, and damage is one")
    func standing() async throws {
        let good = await run(["audit", "status"])
        #expect(good.status == 0, "\(good.error)")
        for fact in [state + "/audit", "healthy", "records", "checkpointed", "key"] { #expect(good.out.contains(fact)) }
        #expect(!good.out.contains("problems"), "\(good.out)")
        // One that was set aside, of whichever start, is one until somebody moves it.
        let aside = state + "/audit.broken-1"
        try FileManager.default.createDirectory(atPath: aside, withIntermediateDirectories: true)
        let set = await run(["audit", "status", "-o", "json"])
        #expect(set.status == 1)
        #expect(set.out.contains("\"healthy\": false") && set.out.contains("a damaged log is set aside as \(aside)"))
        try FileManager.default.removeItem(atPath: aside)
        #expect(await run(["audit", "status"]).status == 0)
        let log = state + "/audit/log"
        let segment = try #require(try FileManager.default.contentsOfDirectory(atPath: log).sorted().first)
        var bytes = try Data(contentsOf: URL(filePath: "\(log)/\(segment)"))
        let place = try #require(bytes.firstRange(of: Data("\"planner\"".utf8)))
        bytes[place.lowerBound + 1] ^= 1
        try bytes.write(to: URL(filePath: "\(log)/\(segment)"))
        let damaged = await run(["audit", "status"])
        #expect(damaged.status == 1 && damaged.out.contains("problems"), "\(damaged.error)\(damaged.out)")
        #expect(damaged.out.contains(log) || damaged.out.contains("damage"), "\(damaged.out)")
    }

    @Test(
        "a value that no record can have is an error that names those it can",
        arguments: [
            ("verdict", "allowed, denied, asked"), ("traffic", "models, tools"), ("state", "pending, done"),
        ])
    func unknownValue(field: String, known: String) async {
        for command in ["search", "export"] {
            let run = await run(["audit", command, "--where", "\(field)=nonsense"])
            #expect(run.status == 2 && run.out.isEmpty, "\(run.error)")
            #expect(run.error.contains("no \(field) is \"nonsense\" (known: \(known)"), "\(run.error)")
        }
        #expect(await run(["audit", "search", "--verdict", "nonsense"]).status == 2)
        #expect(await run(["audit", "search", "--verdict", "den*"]).out.contains("denied"))
    }

    @Test("what is not there is said")
    func nothing() async throws {
        let empty = await CommandRun.of("audit", "search", "--state", folder.path + "/none")
        #expect(empty.status == 3)
        #expect(await CommandRun.of("audit", "verify", "--state", folder.path + "/none").status == 1)
        let misspelt = await run(["audit", "search", "--where", "usr=ada"])
        #expect(misspelt.status == 2)
        #expect(misspelt.error.contains("user"))
    }
}
