import GatewayModel
import GatewayRuntime
import GatewayState
import GatewayWorkbench
import Testing

/// A form that is too long to be held goes to its provider while it still comes: what it says late must not let
/// anybody use a model that was not judged. These hold however the pieces fall together on their way.
@Suite("A form under way has one model, or breaks off", .timeLimit(.minutes(2)))
struct LateModelTests {
    private static let heldBytes = 600

    /// Sends a form once for each cut, in pieces; the answers, and all that the provider ever got.
    private static func send(
        _ form: String, cuts: [Int], path: String, isChunked: Bool
    ) async throws -> (answers: [String], got: String) {
        let got = Box("")
        // It takes everything and never answers.
        let backend = try await ScriptedBackend.start { _, event in
            if case .bytes(let text) = event { got.update { $0 += text } }
            return true
        }
        var options = ModelStand.Options()
        options.more = """
            ---
            apiVersion: sluice.dev/v1alpha1
            kind: ModelAccessPolicy
            metadata: {name: kept}
            spec: {subjects: [{any: true}], models: ["*"], operations: [files]}
            """
        let gateway = try await GatewayUnderTest.start(
            ModelStand.configuration(backend.port, options), adjust: { $0.formHeldBytesMax = heldBytes })
        var draft = ManagedKey(id: "", hint: "", createdSeconds: 0)
        draft.user = "alice"
        let key = try gateway.process.state.keys.create(draft, nowSeconds: 1_800_000_000).secret
        let bytes = Array(form.utf8)
        var answers: [String] = []
        for cut in cuts {
            let client = try await gateway.open()
            await client.send(
                "POST /v1/\(path) HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer \(key)\r\n"
                    + "Content-Type: multipart/form-data; boundary=edge\r\n"
                    + (isChunked ? "Transfer-Encoding: chunked" : "Content-Length: \(bytes.count)") + "\r\n\r\n")
            for piece in [bytes[..<cut], bytes[cut...]] where !piece.isEmpty {
                guard isChunked else {
                    await client.send(Array(piece))
                    continue
                }
                await client.send(
                    Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8))
            }
            if isChunked { await client.send("0\r\n\r\n") }
            let outcome = await client.read(timeoutMilliseconds: 20_000) {
                String(decoding: $0, as: UTF8.self).contains("\"error\"")
            }
            answers.append("cut at \(cut): " + outcome.text)
            await client.close()
        }
        try await gateway.stop()
        await backend.stop()
        return (answers, got.value)
    }

    private static func part(_ name: String, _ value: String) -> String {
        "--edge\r\nContent-Disposition: form-data; \(name)\r\n\r\n\(value)\r\n"
    }

    private static func model(_ name: String) -> String { part("name=\"model\"", name) }
    private static let file = part("name=\"file\"; filename=\"a.wav\"", String(repeating: "x", count: 900))

    @Test(arguments: [false, true])
    func `a second model after the file is refused wherever the form is cut`(isChunked: Bool) async throws {
        let start = Self.model("chat") + Self.file
        let form = start + Self.model("denied") + "--edge--\r\n"
        let cuts = Array((start.utf8.count - 8)..<form.utf8.count)
        let (answers, got) = try await Self.send(
            form, cuts: cuts, path: "audio/transcriptions", isChunked: isChunked)
        for answer in answers {
            #expect(answer.contains("HTTP/1.1 400") && answer.contains("names its model twice"), "\(answer)")
        }
        // It was under way, and broke off before what was not judged.
        #expect(got.contains("gpt-5"))
        #expect(!got.contains("denied") && !got.contains("--edge--"))
    }

    @Test(arguments: [false, true])
    func `a model after the file is refused before a byte is sent`(isChunked: Bool) async throws {
        let form = Self.file + Self.model("denied") + "--edge--\r\n"
        let cuts = Array(stride(from: 0, to: form.utf8.count, by: 13))
        let (answers, got) = try await Self.send(
            form, cuts: cuts, path: "audio/transcriptions", isChunked: isChunked)
        // 400 where the model is late, 404 where all of the form came together.
        #expect(answers.allSatisfy { $0.contains("HTTP/1.1 400") || $0.contains("HTTP/1.1 404") }, "\(answers)")
        #expect(got.isEmpty, "\(got)")
    }

    @Test func `a form that needs no model may not name one late`() async throws {
        let start = Self.part("name=\"purpose\"", "batch") + Self.file
        let form = start + Self.model("denied") + "--edge--\r\n"
        let cuts = Array(stride(from: start.utf8.count - 8, to: form.utf8.count, by: 5))
        let (answers, got) = try await Self.send(form, cuts: cuts, path: "files", isChunked: false)
        #expect(answers.allSatisfy { $0.contains("HTTP/1.1 4") || $0.contains("HTTP/1.1 5") }, "\(answers)")
        #expect(!got.contains("denied"))
    }
}
