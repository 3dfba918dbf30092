import NIOCore
import NIOEmbedded
import NIOHTTP1
import Testing

@testable import GatewayWire

/// NIO's decoder (llhttp) reads the same corpus. Where it accepts what we refuse, the reason is listed; a difference
/// of any other kind fails, and so does a listed one that no longer occurs.
@Suite("Differences from NIO's decoder are known and explained")
struct DifferentialTests {
    /// We refuse for this reason, NIO accepts.
    static let differences: [HTTP1ParseError: String] = [
        .badTarget: "NIO hands the target on as text; we canonicalise it, and refuse what has no one meaning",
        .badHost: "NIO does not look into Host; we route by it",
        .missingHost: "NIO leaves RFC 9112 section 3.2 to the application",
        .duplicateHost: "NIO leaves RFC 9112 section 3.2 to the application",
        .badConnection: "NIO does not apply Connection; we strip what it names, so it must not name end-to-end fields",
        .badUpgrade: "NIO leaves Upgrade to its upgrade handler",
        .unsupportedExpectation: "NIO leaves Expect to the application",
        .contentNotAllowed: "NIO allows content with CONNECT and TRACE",
        .unsupportedTransferCoding: "NIO frames by the final chunked and leaves other codings to the application",
        .badTransferEncoding: "NIO accepts repeated, listed or unknown codings and Transfer-Encoding with HTTP/1.0",
        .tooManyFields: "NIO bounds bytes, not fields",
        .headTooLarge: "NIO's bounds are 80 KiB",
        .badContentLength: "NIO accepts lengths beyond Int64 or with many leading zeros",
    ]

    /// The head NIO makes of the bytes, or nil when it refuses them or wants more.
    static func nio(_ input: [UInt8]) -> HTTPRequestHead? {
        let channel = EmbeddedChannel()
        defer { _ = try? channel.finish() }
        do {
            try channel.pipeline.syncOperations.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
            try channel.writeInbound(ByteBuffer(bytes: input))
            if case .head(let head)? = try channel.readInbound(as: HTTPServerRequestPart.self) { return head }
        } catch { return nil }
        return nil
    }

    @Test("what we refuse and NIO accepts has a reason, and every reason occurs")
    func refusals() {
        var occurred: Set<HTTP1ParseError> = []
        for refused in Refused.all where DifferentialTests.nio(bytes(refused.text)) != nil {
            occurred.insert(refused.error)
            #expect(DifferentialTests.differences[refused.error] != nil, "unexplained: \(refused.testDescription)")
        }
        #expect(DifferentialTests.differences.keys.filter { !occurred.contains($0) } == [])
    }

    static let ownFields: Set<String> = [
        "host", "content-length", "transfer-encoding", "connection", "keep-alive", "upgrade", "te", "expect",
    ]

    /// We accept, NIO refuses: by what the text holds.
    static let acceptedOnlyByUs: [(String, String)] = [
        ("\u{C3}\u{A9}\"", "NIO refuses raw bytes no URI may hold; we encode them, as the issue asks")
    ]

    /// NIO trims spaces only; RFC 9110 section 5.5 has HTAB trimmed as well.
    static func trimmed(_ value: String) -> String {
        var value = value[...]
        while value.last == "\t" || value.last == " " { value.removeLast() }
        return String(value)
    }

    @Test(
        "what we accept NIO accepts, with the same method, version and fields", arguments: RequestParserTests.accepted)
    func acceptances(_ text: String) throws {
        let ours = try Read.head(text)
        let decoded = DifferentialTests.nio(bytes(text))
        if DifferentialTests.acceptedOnlyByUs.contains(where: { text.contains($0.0) }) {
            #expect(decoded == nil)
            return
        }
        let theirs = try #require(decoded)
        #expect(theirs.method.rawValue == ours.fields.text(ours.methodName))
        #expect((theirs.version == .http1_1) == (ours.version == .http11))
        let lines = theirs.headers.filter { !DifferentialTests.ownFields.contains($0.name.lowercased()) }
            .map { "\($0.name.lowercased()): \(DifferentialTests.trimmed($0.value))" }
        #expect(lines == ours.fields.lines)
    }
}
