package import GatewayIdentity
package import GatewayModel
import GatewayProxy
import Synchronization

/// Issuers over reloads: their keys, what has been checked of their tokens, and the tasks that keep the keys fresh. A
/// configuration that changes nothing of an issuer changes nothing here.
package final class IdentityServices: Sendable {
    package let http: OutboundHTTP
    package let revocations: RevocationList
    private let budget = KeyFetchBudget()
    private let uptimeSeconds: @Sendable () -> Int
    private let state = Mutex(State())

    private struct State {
        /// Made by the last compilations, served or not.
        var known: [LiveIssuer] = []
        var tasks: [ObjectIdentifier: Task<Void, Never>] = [:]
    }

    /// Those that no snapshot uses are kept for the next compilation, up to so many.
    private static let unusedMax = 64

    /// Without a client no key can be fetched, as when a configuration is only checked.
    package init(
        http: OutboundHTTP = OutboundHTTP { _ in throw GatewayError(.unreachable, "nothing is fetched here") },
        revocations: RevocationList = RevocationList(),
        uptimeSeconds: @escaping @Sendable () -> Int = { IdentityServices.uptime }
    ) {
        self.http = http
        self.revocations = revocations
        self.uptimeSeconds = uptimeSeconds
    }

    /// The issuer of that provider as it is; made when nothing like it is there yet. `material` is what it was made of
    /// beside its object.
    func issuer(
        _ name: String, _ spec: IdentityProviderSpec, material: [UInt8],
        make: (IdentityServices) -> IdentityRule.Provider
    ) -> LiveIssuer {
        let found = state.withLock { state in
            state.known.first { $0.name == name && $0.spec == spec && $0.material == material }
        }
        if let found { return found }
        let made = LiveIssuer(name: name, spec: spec, material: material, provider: make(self))
        state.withLock { state in
            state.known.append(made)
            let unused = state.known.indices.filter { state.tasks[ObjectIdentifier(state.known[$0])] == nil }
            for index in unused.dropLast(IdentityServices.unusedMax).reversed() { state.known.remove(at: index) }
        }
        return made
    }

    /// Keys that `fetcher` brings.
    func keys(_ fetcher: KeyFetcher) -> IssuerKeys {
        let http = http
        return IssuerKeys(issuer: fetcher.issuer, budget: budget, uptimeSeconds: uptimeSeconds) {
            try await fetcher.fetch(http)
        }
    }

    /// Keeps the keys of these fresh from now on, and of no others.
    package func activate(_ issuers: [LiveIssuer]) {
        state.withLock { state in
            let wanted = Set(issuers.map(ObjectIdentifier.init))
            for (id, task) in state.tasks where !wanted.contains(id) {
                task.cancel()
                state.tasks[id] = nil
            }
            state.known.removeAll { !wanted.contains(ObjectIdentifier($0)) }
            for issuer in issuers where state.tasks[ObjectIdentifier(issuer)] == nil {
                state.tasks[ObjectIdentifier(issuer)] = Task { await issuer.keepFresh() }
                if !state.known.contains(where: { $0 === issuer }) { state.known.append(issuer) }
            }
        }
    }

    /// Those that are believed at present.
    package var active: [LiveIssuer] {
        state.withLock { state in state.known.filter { state.tasks[ObjectIdentifier($0)] != nil } }
    }

    /// A clock that nobody sets, in seconds.
    package static var uptime: Int { Int(ContinuousClock.now.duration(to: start).components.seconds.magnitude) }
    private static let start = ContinuousClock.now
}

/// One provider of tokens in use.
package final class LiveIssuer: Sendable {
    package let name: String
    let spec: IdentityProviderSpec
    let material: [UInt8]
    let provider: IdentityRule.Provider

    init(name: String, spec: IdentityProviderSpec, material: [UInt8], provider: IdentityRule.Provider) {
        self.name = name
        self.spec = spec
        self.material = material
        self.provider = provider
    }

    /// Its keys, where it has any.
    package var authority: TokenAuthority? { if case .tokens(let authority) = provider { authority } else { nil } }
    /// Agents that may exchange its tokens.
    package var actors: [NamePattern] {
        (spec.oidc?.actors ?? spec.jwt?.actors ?? spec.spiffe?.actors ?? []).map { NamePattern($0) }
    }

    func keepFresh() async {
        await authority?.keys.keepFresh { try await Task.sleep(for: .seconds($0)) }
    }
}
