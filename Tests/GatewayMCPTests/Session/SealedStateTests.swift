import GatewayModel
import GatewayWire
import Testing

@testable import GatewayMCP

@Suite("what a client carries for us cannot be made or changed by it")
struct SealedStateTests {
    private let seal = Seal(secret: Secret(Array(repeating: 7, count: 32)))
    private static let mark = EventMark(
        session: "s1", server: "default/x", tool: "get", ownID: Array("1".utf8), clientID: Array("2".utf8),
        clientToken: nil, eventID: Array("e-9".utf8))

    @Test("an event's id goes on for its own session, and for no other")
    func marks() throws {
        let text = try #require(Self.mark.text(seal))
        let read = try #require(EventMark(text, seal, session: "s1"))
        #expect(read.server == "default/x" && read.tool == "get" && read.eventID == Self.mark.eventID)
        #expect(EventMark(text, seal, session: "s2") == nil)
        #expect(EventMark(text, Seal(secret: Secret(Array(repeating: 8, count: 32))), session: "s1") == nil)
    }

    @Test("an id made by a client is none, whatever lines it holds")
    func forged() {
        let lines = "1\\r\\n\\r\\nPOST /mcp HTTP/1.1\\r\\nhost: x\\r\\n\\r\\n"
        for json in ["[\"default/x\",1,2,null,\"\(lines)\"]", "[\"default/x\",1,2,null,\"\(lines)\",\"s1\",null]"] {
            let text = String(decoding: Base64.encodeURLSafe(Array(json.utf8)), as: UTF8.self)
            #expect(EventMark(text, seal, session: "s1") == nil)
        }
    }

    private static let approval = RequestState.Approval(
        id: "a1", untilSeconds: 90, rule: "r/1", run: "run-1", meta: "{}")

    @Test(
        "a state says by what a person has agreed, and nobody else can say it",
        arguments: [approval, nil])
    func states(approval: RequestState.Approval?) throws {
        let asked = RequestState.Asked(known: "con_1", isAccepted: true, approval: approval)
        for content in [RequestState.Content.server("own", approval), .connection(asked)] {
            let state = RequestState(content, owner: "o", server: "s", digest: [1], nowSeconds: 10)
            let text = try #require(state.sealed(seal))
            let read = RequestState(text, seal, owner: "o", server: "s", digest: [1], nowSeconds: 10)
            switch read?.content {
            case .server("own", let found): #expect(found == approval)
            case .connection(let found): #expect(found == asked)
            default: Issue.record("\(String(describing: read))")
            }
            #expect(RequestState(text, seal, owner: "o/agent b", server: "s", digest: [1], nowSeconds: 10) == nil)
        }
    }

    @Test("an approval is of its rule and its run, to the byte")
    func approvals() {
        #expect(Self.approval.isFor(rule: "r/1", run: "run-1"))
        #expect(!Self.approval.isFor(rule: "r/2", run: "run-1"))
        #expect(!Self.approval.isFor(rule: "r/1", run: nil) && !Self.approval.isFor(rule: "r/1", run: "run-2"))
    }
}
