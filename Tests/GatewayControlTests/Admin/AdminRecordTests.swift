import Foundation
import GatewayModel
import GatewayRecords
import Testing

@testable import GatewayControl

@Suite("Records of the admin API say who did it and to what", .timeLimit(.minutes(1)))
struct AdminRecordTests {
    /// What the log has of `body`'s requests, the oldest first, as JSON texts.
    private static func records(_ body: (AdminFixture) async throws -> Void) async throws -> [String] {
        let folder = try TemporaryFolder()
        let audit = AuditFolder(stateFolder: folder.path)
        let log = try AuditLog(audit)
        var services = AdminServices()
        services.audit = AuditTrail(log: log)
        try await body(try await AdminFixture(services: services))
        log.close()
        var texts: [String] = []
        AuditReader(audit).visit { entry in
            texts.append(String(decoding: entry.text, as: UTF8.self))
            return true
        }
        return texts
    }

    private static func object(_ name: String) -> String { AdminFixture.backend(name, port: 7000) }

    @Test("apply names every object before, and what became of each after")
    func apply() async throws {
        let list = """
            {"apiVersion": "v1", "kind": "List", "items": [\(Self.object("one")), \(Self.object("two"))]}
            """
        let texts = try await Self.records { fixture in
            #expect(await fixture.ask("POST", "/v1/apply", list).status == 200)
        }
        try #require(texts.count == 2)
        let names = ["one", "two"].map { ObjectKey(.backend, namespace: "default", name: $0).description }
        for name in names {
            #expect(texts[0].contains(name) && texts[0].contains("\"objects\""), "\(texts[0])")
            #expect(texts[1].contains("created \(name)") && texts[1].contains("\"changed\""), "\(texts[1])")
        }
    }

    @Test("put, patch and delete name their object; what was refused says that nothing changed")
    func single() async throws {
        let path = "/v1/backends/default/one"
        let texts = try await Self.records { fixture in
            #expect(await fixture.ask("PUT", path, Self.object("one")).status == 201)
            #expect(await fixture.ask("PATCH", path, #"{"spec":{"weight":0,"no":1}}"#).status >= 400)
            #expect(await fixture.ask("DELETE", path).status == 200)
        }
        try #require(texts.count == 6)
        let name = ObjectKey(.backend, namespace: "default", name: "one").description
        for index in [0, 2, 4] { #expect(texts[index].contains("\"objects\":[\"\(name)\"]"), "\(texts[index])") }
        #expect(texts[1].contains("created \(name)"))
        #expect(!texts[3].contains("\"changed\"") && texts[3].contains("\"failed\""), "\(texts[3])")
        #expect(texts[5].contains("deleted \(name)"))
    }

    @Test("on the socket the system says who it is, by the network the certificate; nobody is anonymous")
    func caller() throws {
        var request = AdminRequest(path: "/v1/apply")
        #expect(AdminCaller.principal(request).credentialID == "admin-token")
        #expect(AdminCaller.principal(request).user == nil)
        request.localPeer = LocalPeer(processID: 42, userID: 0, groupID: 0)
        let root = AdminCaller.principal(request)
        #expect(root.user == "unix:root" && root.instance == "pid 42")
        #expect(root.detail?.proven == [ProvenName("user", by: "uid 0 at the admin socket")])
        request.localPeer = LocalPeer(processID: 42, userID: 3_999_999_999, groupID: 0)
        #expect(AdminCaller.principal(request).user == "unix:3999999999")
        request.localPeer = nil
        request.certificate = "ab12"
        #expect(AdminCaller.principal(request).user == "certificate:ab12")
        #expect(AdminCaller.principal(request, holdsToken: false).credentialID == nil)
    }
}
