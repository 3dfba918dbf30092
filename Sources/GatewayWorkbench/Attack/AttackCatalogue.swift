/// All cases, in the order in which they run.
package enum AttackCatalogue {
    package static let cases: [AttackCase] =
        smuggling + lengths + syntax + chunks + oversize + slow + truncated + hosts + paths + http2Protocol
        + http2Floods

    static let refusals: Set<Int> = [400, 501]

    /// A case whose text is sent at once.
    static func http1(
        _ id: String, _ title: String, _ reference: String, _ severity: AttackCase.Severity = .high,
        _ expectation: AttackCase.Expectation = .refused(refusals), _ forwarding: AttackCase.Forwarding = .nothing,
        _ text: @escaping @Sendable (AttackSite) -> String
    ) -> AttackCase {
        AttackCase(
            id: id, title: title, reference: reference, severity: severity,
            traffic: .http1 { [.text(text($0))] }, expectation: expectation, forwarding: forwarding)
    }

    /// A POST with the given extra lines and what follows the head.
    static func post(_ site: AttackSite, _ lines: String, _ body: String) -> String {
        "POST \(site.path("/attack")) HTTP/1.1\r\nHost: \(site.authority)\r\n\(lines)\r\n\r\n\(body)"
    }

    /// A GET with extra lines.
    static func get(_ site: AttackSite, _ lines: String) -> String {
        "GET \(site.path("/attack")) HTTP/1.1\r\nHost: \(site.authority)\r\n\(lines)\r\n\r\n"
    }

    /// The request an attacker wants to slip in.
    static func smuggled(_ site: AttackSite) -> String {
        "GET \(site.path("/smuggled")) HTTP/1.1\r\nHost: \(site.authority)\r\n\r\n"
    }
}
