import Testing

@Suite("some constructs stay out, or stay in their room")
struct ForbiddenConstructTests {
    @Test func `the sources have none`() throws {
        let findings = try Package.swiftFiles(under: "Sources").flatMap { ForbiddenConstructs.violations(in: $0) }
        #expect(findings.isEmpty, "\(findings)")
    }

    @Test(arguments: [
        "public struct A {}",
        "open class A {}",
        "let a = try! b()",
        "let a = b as! C",
        "fatalError(\"no\")",
        "let a = \"\\(b as! C)\"",
        "Task { await a() }",
        "Task(priority: .high) { await a() }",
        "Task<Void, Never> { await a() }",
        "Task.detached { await a() }",
        "package actor Pool {}",
        "final class A: @unchecked Sendable {}",
        "/// A pool.\nfinal class A: @unchecked Sendable {}",
        "// The reason of another line.\nlet b = 1\nnonisolated(unsafe) var a = 1",
    ])
    func `each is found in the data plane`(text: String) {
        let source = SwiftSource(path: "Sources/GatewayProxy/A.swift", text: text)
        #expect(ForbiddenConstructs.violations(in: source).count == 1)
    }

    @Test(arguments: [
        "// public, try! and fatalError( in a comment",
        "let a = \"public try! as! fatalError( Task {\"",
        "let a = #\"Task { \\(b) } \" as! \"#",
        "// Confined to the loop that made it.\nfinal class A: @unchecked Sendable {}",
        "/// The queue. Safe: every access holds `lock`.\n@usableFromInline\nnonisolated(unsafe) var a = 1",
        "let a = b != c",
        "struct TaskList { var actorName: String }",
        "package func republic() {}",
    ])
    func `what only looks like one is not`(text: String) {
        let source = SwiftSource(path: "Sources/GatewayProxy/A.swift", text: text)
        #expect(ForbiddenConstructs.violations(in: source).isEmpty)
    }

    @Test func `control may use tasks and actors`() {
        let source = SwiftSource(path: "Sources/GatewayControl/A.swift", text: "actor A { func b() { Task { c() } } }")
        #expect(ForbiddenConstructs.violations(in: source).isEmpty)
    }
}
