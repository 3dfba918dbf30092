import GatewayModel
import NIOCore
import Testing

@testable import GatewayLLM

@Suite("A form has one model, or is refused")
struct FormScanTests {
    private static func part(_ name: String, _ value: String) -> String {
        "--b\r\nContent-Disposition: form-data; \(name)\r\n\r\n\(value)\r\n"
    }

    private static func scan(_ text: String, cuts: [Int] = []) throws(GatewayError) -> FormScan? {
        let bytes = Array(text.utf8)
        var scan = try FormScan(contentType: Array("multipart/form-data; boundary=b".utf8))
        let bounds = [0] + cuts + [bytes.count]
        for (start, end) in zip(bounds, bounds.dropFirst()) { try scan?.add(ByteBuffer(bytes: bytes[start..<end])) }
        try scan?.finish()
        return scan
    }

    private static let file = "name=\"file\"; filename=\"a;b\\\".bin\"\r\nContent-Type: application/octet-stream"

    @Test func `its model is found wherever the form is cut, and wherever it stands`() throws {
        let others = Self.part(Self.file, "\r\n--\r\n-b --b x --bb\r\n") + Self.part("name=prompt", "")
        for text in [
            Self.part("name=\"model\"", "whisper-1") + others, others + Self.part("Name=model", "whisper-1"),
        ] {
            let whole = text + "--b--\r\n"
            for cut in 0...whole.utf8.count {
                let model = try #require(try Self.scan(whole, cuts: [cut])?.model, "cut at \(cut)")
                #expect(model.name == Array("whisper-1".utf8))
                #expect(Array(Array(whole.utf8)[model.range]) == model.name)
            }
            #expect(try Self.scan(whole, cuts: Array(0..<whole.utf8.count))?.model != nil)
        }
        #expect(try Self.scan(others + "--b--")?.model == nil)
    }

    @Test func `a second one is refused wherever the form is cut`() {
        let text = Self.part("name=\"model\"", "a") + Self.part(Self.file, "x") + Self.part("name=model", "a") + "--b--"
        for cut in 0...text.utf8.count {
            #expect(throws: GatewayError.self, "cut at \(cut)") { try Self.scan(text, cuts: [cut]) }
        }
    }

    @Test(arguments: [
        "name=\"Model\"", "name=\" model\"", "name=\"mode%6C\"", "name=\"mo\\del\"", "name*=UTF-8''model",
        "name=\"a\"; name=\"model\"", "name=\"&#109;odel\"", "name=\"a\"\r\n ; name=\"model\"",
        "filename=\"x\"", "name=\"a", "name=\"a\"\r\nContent-Disposition: form-data; name=\"model\"",
        "name=\"a\"\r\nno head", "name=\"a\"\n; name=model", "name=\"a\";\u{301}name=\"model\"",
    ])
    func `a name that could be read in two ways is refused`(name: String) {
        #expect(throws: GatewayError.self) { try Self.scan(Self.part(name, "x") + "--b--") }
    }

    @Test(arguments: [
        "", "x", "\r\n--b--", "--b", "--b--x", "--b--\r\n--b\r\n", "--bx\r\n", "--b \r\n",
        "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\n--b--\r\n",
        "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r--b--\r\n",
        "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n--b", "--b\r\n\r\nx\r\n--b--",
        "--b\r\nContent-Disposition: form-data; name=model\r\n\r\n" + String(repeating: "m", count: 300)
            + "\r\n--b--",
        "--b\r\nX: " + String(repeating: "m", count: 9_000),
        String(repeating: "--b\r\nContent-Disposition: form-data; name=a\r\n\r\nx\r\n", count: 1_001) + "--b--",
    ])
    func `what is no plain form is refused`(text: String) {
        #expect(throws: GatewayError.self) { try Self.scan(text) }
        #expect(throws: GatewayError.self) { try Self.scan(text, cuts: Array(0..<text.utf8.count)) }
    }

    @Test(arguments: [
        "multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=a; boundary=b",
        "multipart/form-data; boundary=\"a;b\"", "multipart/form-data; boundary*=a", "multipart/form-data; boundary =a",
        "multipart/form-data; boundary=\u{E4}", "multipart/form-data; boundary=" + String(repeating: "a", count: 71),
    ])
    func `a boundary that is not plain is refused`(type: String) {
        #expect(throws: GatewayError.self) { try FormScan(contentType: Array(type.utf8)) }
    }

    @Test func `other types are no forms`() throws {
        #expect(try FormScan(contentType: Array("application/json".utf8)) == nil)
        #expect(try FormScan(contentType: Array("Multipart/Form-Data; charset=utf-8; BOUNDARY=\"b\"".utf8)) != nil)
    }
}
