import GatewayModel
import GatewayState
import Testing

@testable import GatewayLLM

@Suite("What providers keep is somebody's, or nobody's")
struct ResponseOriginTests {
    private static let origins = ResponseOrigin(key: Secret(Array(repeating: 7, count: 32)))

    @Test(
        arguments: [
            (Principal(proof: .apiKey, tenant: "t", user: "u", agent: "a", credentialID: "k"), "user u"),
            (Principal(proof: .apiKey, agent: "a", credentialID: "k"), "agent a"),
            (Principal(proof: .apiKey, team: "x", groups: ["g"], credentialID: "k"), "apiKey k"),
            // A team, a tenant or a group is many, and an empty name is none.
            (Principal(proof: .apiKey, tenant: "t", team: "x", run: "r", groups: ["g"]), nil),
            (Principal(proof: .apiKey, user: "", credentialID: "k"), nil), (Principal.anonymous, nil),
        ] as [(Principal, String?)])
    func owners(principal: Principal, name: String?) {
        #expect(ResponseOrigin.owner(principal)?.name == name)
        #expect(ResponseOrigin.owner(principal)?.tenant == (name == nil ? nil : principal.tenant))
    }

    @Test("a mark is of one id, kind, note, place and owner")
    func marks() {
        let owner = ObjectOwner(tenant: nil, name: "user a")
        func mark(
            _ id: String = "x", _ kind: ProviderObject.Kind = .item, note: String = "", provider: String = "p",
            credential: String = "c", owner: ObjectOwner = owner
        ) -> [UInt8] {
            Self.origins.mark(
                Array(id.utf8), kind, note: note, provider: provider, credential: credential, owner: owner)
        }
        let others =
            [
                mark("y"), mark(note: "n"), mark(provider: "q"), mark(credential: "d"),
                mark(provider: "pc", credential: ""),
                mark(owner: ObjectOwner(tenant: "", name: "user a")),
                mark(owner: ObjectOwner(tenant: nil, name: "user b")),
            ] + ProviderObject.Kind.allCases.filter { $0 != .item }.map { mark("x", $0) }
        #expect(mark() == mark() && Set(others + [mark()]).count == others.count + 1)
    }
}
