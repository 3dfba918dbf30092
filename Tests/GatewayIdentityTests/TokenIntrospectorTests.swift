import GatewayModel
import GatewayWire
import Testing

@testable import GatewayIdentity

@Suite("A token that only its server can read is good as far as that server says")
struct TokenIntrospectorTests {
    private static let now = 1_800_000_000

    /// What becomes of a token when its server answers so.
    private static func find(
        _ answer: String, status: Int = 200,
        _ change: (inout TokenIntrospector.Settings) -> Void = { _ in }
    ) async -> (TokenAuthority.Finding, TokenIntrospector) {
        var settings = TokenIntrospector.Settings(url: "https://login.example/introspect", clientID: "gateway")
        change(&settings)
        let http = OutboundHTTP { _ in OutboundResponse(status: status, body: Array(answer.utf8)) }
        let introspector = TokenIntrospector(
            name: "default/login", settings: settings, secret: Secret("s"), http: http, revocations: RevocationList(),
            wallSeconds: { now },
            mapping: { token in
                Principal(
                    proof: .introspection, user: token.subject,
                    detail: PrincipalDetail(issuedSeconds: token.issuedSeconds, expiresSeconds: token.expiresSeconds))
            })
        return (await ask(introspector), introspector)
    }

    private static func ask(_ introspector: TokenIntrospector) async -> TokenAuthority.Finding {
        let token = Array("opaque-token".utf8)
        let digest = TokenDigest(token)
        let first = introspector.find(token.span, digest: digest, nowSeconds: now)
        guard case .waiting = first else { return first }
        await withCheckedContinuation { done in
            if !introspector.wait(digest, { done.resume() }) { done.resume() }
        }
        return introspector.find(token.span, digest: digest, nowSeconds: now)
    }

    private static func detail(_ finding: TokenAuthority.Finding) -> PrincipalDetail? {
        if case .accepted(let principal) = finding { principal.detail } else { nil }
    }

    private static func error(_ finding: TokenAuthority.Finding) -> GatewayError? {
        if case .refused(let error) = finding { error } else { nil }
    }

    @Test("who it is and until when, and what is told as null is not told")
    func good() async {
        let (told, _) = await Self.find(#"{"active":true,"sub":"ada","exp":1800000300,"iat":1799999990}"#)
        #expect(Self.detail(told)?.expiresSeconds == Self.now + 300)
        #expect(Self.detail(told)?.issuedSeconds == Self.now - 10)
        for untold in [#"{"active":true,"sub":"ada"}"#, #"{"active":true,"sub":"ada","exp":null,"iat":null}"#] {
            let (finding, _) = await Self.find(untold)
            #expect(Self.detail(finding)?.expiresSeconds == Self.now + 60)
            #expect(Self.detail(finding)?.issuedSeconds == nil)
        }
    }

    @Test("an answer is kept until the token's own end at most")
    func kept() async {
        let (_, introspector) = await Self.find(#"{"active":true,"sub":"ada","exp":1800000030}"#)
        let token = Array("opaque-token".utf8)
        let digest = TokenDigest(token)
        #expect(Self.detail(introspector.find(token.span, digest: digest, nowSeconds: Self.now + 29)) != nil)
        guard case .waiting = introspector.find(token.span, digest: digest, nowSeconds: Self.now + 30) else {
            Issue.record("a token that has ended was taken")
            return
        }
    }

    @Test(
        "times that are none are refused",
        arguments: [
            #""exp":9223372036854775807"#, #""exp":1800000300000000000"#, #""exp":-1"#, #""exp":"1800000300""#,
            #""exp":1800000300,"iat":9223372036854775807"#, #""exp":1800000300,"iat":1e300"#,
        ])
    func times(_ members: String) async {
        let (finding, _) = await Self.find(#"{"active":true,"sub":"ada",\#(members)}"#)
        #expect(Self.error(finding)?.code == .unauthenticated)
        #expect(Self.error(finding)?.message.contains("has a time that is none") == true)
    }

    @Test(
        "what is not active, of another issuer, for somebody else or of nobody is refused",
        arguments: [
            (#"{"active":false}"#, "is not good"), (#"{"active":"true","sub":"ada"}"#, "is not good"),
            (#"{"active":true,"sub":"ada","exp":1799999999}"#, "is not good"),
            (#"{"active":true,"sub":"ada","iss":"https://other.example","aud":"gateway"}"#, "another issuer"),
            (#"{"active":true,"sub":"ada","aud":"gateway"}"#, "another issuer"),
            (#"{"active":true,"sub":"ada","iss":"https://login.example","aud":"else"}"#, "somebody else"),
            (#"{"active":true,"sub":"ada","iss":"https://login.example"}"#, "somebody else"),
            (#"{"active":true,"iss":"https://login.example","aud":["gateway"]}"#, "no subject"),
        ])
    func refused(_ answer: String, _ words: String) async {
        let (finding, _) = await Self.find(answer) { settings in
            settings.issuer = "https://login.example"
            settings.audiences = ["gateway"]
        }
        #expect(Self.error(finding)?.code == .unauthenticated)
        #expect(Self.error(finding)?.message.contains(words) == true, "\(String(describing: Self.error(finding)))")
    }

    @Test(
        "a server that cannot be understood is not the token's fault",
        arguments: [("{}", 500), ("no JSON", 200), ("[]", 200), (#"{"active":true,"active":false}"#, 200)])
    func broken(_ answer: String, _ status: Int) async {
        let (finding, _) = await Self.find(answer, status: status)
        #expect(Self.error(finding)?.code == .identityUnavailable)
    }
}
