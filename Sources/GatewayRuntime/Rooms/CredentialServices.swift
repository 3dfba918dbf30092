import GatewayControl
package import GatewayIdentity
package import GatewayModel
import Synchronization

/// Credentials for upstreams over reloads: what has been fetched, and the tasks that keep it fresh. A configuration
/// that changes nothing of a source changes nothing here.
package final class CredentialServices: Sendable {
    package typealias Fetch = @Sendable (_ isRejected: Bool) async throws -> FetchedCredential
    /// Signs a token of the gateway's own.
    package typealias Sign = @Sendable (_ token: GatewayToken, _ subject: String) throws -> Secret

    package let http: OutboundHTTP
    /// Nil where the gateway signs nothing.
    let sign: Sign?
    private let isLoud: Bool
    private let state = Mutex(State())

    private struct Entry {
        var credential: LiveCredential
        var spec: CredentialSourceSpec
        var material: TokenDigest
    }

    private struct State {
        var known: [Entry] = []
        var tasks: [ObjectIdentifier: Task<Void, Never>] = [:]
    }

    /// Those that no snapshot uses are kept for the next compilation, up to so many.
    private static let unusedMax = 64

    /// Without a client nothing is fetched, as when a configuration is only checked.
    package init(
        http: OutboundHTTP = OutboundHTTP { _ in throw GatewayError(.unreachable, "nothing is fetched here") },
        isLoud: Bool = false, sign: Sign? = nil
    ) {
        // Many may write a source, and its answer is sent on to an upstream: metadata services are not among them.
        self.http = OutboundHTTP { request in
            var request = request
            request.reach = .hosts
            return try await http.send(request)
        }
        self.isLoud = isLoud
        self.sign = sign
    }

    /// The credential of that source as it is; made when nothing like it is there yet. `material` is the secrets it
    /// was made of, and what else is not in its object.
    func credential(
        _ name: String, _ spec: CredentialSourceSpec, material: [UInt8], fetch: @escaping Fetch
    ) -> LiveCredential {
        let digest = TokenDigest(material)
        let found = state.withLock { state in
            state.known.first { $0.credential.name == name && $0.spec == spec && $0.material == digest }
        }
        if let found { return found.credential }
        var settings = LiveCredential.Settings()
        settings.timeoutMilliseconds = spec.timeout.milliseconds
        let isLoud = isLoud
        let made = LiveCredential(
            name: name, settings: settings, uptimeMilliseconds: { CredentialServices.uptimeMilliseconds },
            report: { failure in
                guard isLoud else { return }
                Console.error(
                    failure.map { "the CredentialSource \(name) has no new credential: \($0)" }
                        ?? "the CredentialSource \(name) has a credential again")
            }, fetch: fetch)
        state.withLock { state in
            state.known.append(Entry(credential: made, spec: spec, material: digest))
            let unused = state.known.indices.filter {
                state.tasks[ObjectIdentifier(state.known[$0].credential)] == nil
            }
            for index in unused.dropLast(CredentialServices.unusedMax).reversed() { state.known.remove(at: index) }
        }
        return made
    }

    /// Keeps these fresh from now on, and no others.
    package func activate(_ credentials: [LiveCredential]) {
        state.withLock { state in
            let wanted = Set(credentials.map(ObjectIdentifier.init))
            for (id, task) in state.tasks where !wanted.contains(id) {
                task.cancel()
                state.tasks[id] = nil
            }
            state.known.removeAll { !wanted.contains(ObjectIdentifier($0.credential)) }
            for credential in credentials where state.tasks[ObjectIdentifier(credential)] == nil {
                state.tasks[ObjectIdentifier(credential)] = Task {
                    await credential.keepFresh { try await Task.sleep(for: .milliseconds($0)) }
                }
            }
        }
    }

    /// Those that are kept fresh at present, by name.
    package var active: [LiveCredential] {
        state.withLock { state in
            state.known.map(\.credential).filter { state.tasks[ObjectIdentifier($0)] != nil }
        }.sorted { $0.name < $1.name }
    }

    /// A clock that nobody sets.
    package static var uptimeMilliseconds: Int {
        let time = start.duration(to: .now).components
        return Int(time.seconds) * 1_000 + Int(time.attoseconds / 1_000_000_000_000_000)
    }
    private static let start = ContinuousClock.now
}

extension ObjectStatus {
    /// The status of a source with what became of its fetches.
    func with(_ status: LiveCredential.Status?) -> ObjectStatus {
        guard let status else { return self }
        var copy = self
        copy.conditions.removeAll { $0.type == "Ready" }
        let (reason, message): (String, String) =
            switch (status.isReady, status.failure) {
            case (true, nil):
                ("Ready", status.expiresInMilliseconds.map { "it ends in \($0 / 1_000) s" } ?? "")
            case (true, let failure?): ("Stale", "it serves to its end; a new one is not to be had: \(failure.message)")
            case (false, nil): ("Fetching", "it has not come yet")
            case (false, let failure?): ("FetchFailed", failure.message)
            }
        copy.conditions.append(StatusCondition("Ready", status.isReady, reason, message))
        return copy
    }
}
