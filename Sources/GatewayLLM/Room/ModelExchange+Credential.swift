import GatewayIdentity
import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore

/// Credentials that are fetched: a call that needs one before it is there waits for the fetch, and no longer than for
/// the provider itself.
extension ModelExchange {
    enum Opening {
        /// Nil where the head is made with what is written, or with nothing.
        case ready(UpstreamCredential?)
        case waiting(LiveCredential)
        case failed(GatewayError)
    }

    func opening(_ access: RoutedTarget.Access, of provider: CompiledProvider) -> Opening {
        guard let source = access.credential?.source else { return .ready(nil) }
        switch source.lookUp() {
        case .ready(let credential):
            guard case .signer = credential, !mayBeSigned else { return .ready(credential) }
            return .failed(
                GatewayError(
                    .bodyTooLarge, "the provider takes requests that are signed as a whole: \(provider.shownName)",
                    hint: "send a smaller one"))
        case .waiting:
            // What another provider's source has used up is not waited for again; one that is there serves.
            guard credentialWait?.isOver == true else { return .waiting(source) }
            return .failed(ModelExchange.unavailable(provider, "it did not come within the provider's timeout"))
        case .failed(let error):
            credentialWait?.end()
            return .failed(ModelExchange.unavailable(provider, error.message))
        }
    }

    /// A signature is over the whole body, which must then be in memory.
    private var mayBeSigned: Bool { isWhole && !body.isSpilled }

    private static func unavailable(_ provider: CompiledProvider, _ cause: String) -> GatewayError {
        GatewayError(
            .credentialUnavailable, "the provider has no usable credential: \(provider.shownName)",
            hint: "the operator finds the reason in the gateway's log", cause: cause)
    }

    // MARK: Waiting

    /// Goes on with `startAttempt` when the fetch under way is over, or when nobody would wait longer.
    func wait(for source: LiveCredential, _ target: RoutedTarget) {
        let most = target.target.timeouts.firstTokenNanoseconds
        let wait = credentialWait ?? CredentialWait()
        credentialWait = wait
        let isWaiting = wait.wait(for: source, withinNanoseconds: most, on: worker) { [self] in
            guard stage == .calling, exchange != nil, attempt == nil else { return wait.end() }
            startAttempt()
        }
        guard !isWaiting else { return }
        answer(ModelFailure(GatewayError(.overloaded, "too many requests wait for the provider's credential")))
    }

    // MARK: Using it

    /// Puts what the attempt has been given into the head, or signs it.
    func open(_ head: inout RequestHead, by attempt: ModelAttempt, _ body: [ByteBuffer]) {
        credentialWait?.end()
        guard let opening = attempt.opening, let credential = attempt.access.credential else { return }
        switch opening {
        case .token(let token):
            CompiledCredential.value(of: token, in: credential.field).reveal {
                head.fields.append(name: credential.field, value: $0)
            }
        case .signer(let signer):
            var digest = AWSSigner.BodyDigest()
            for piece in body { digest.add(piece.readableBytesUInt8Span) }
            signer.sign(
                &head, bodyHex: digest.hex, wallSeconds: Int(worker.wallNanoseconds / 1_000_000_000))
        }
    }

    /// A credential that the provider does not take is fetched anew.
    func rejectCredential(of attempt: ModelAttempt, _ failure: ModelFailure) {
        guard failure.provider?.kind == .unauthenticated else { return }
        attempt.access.credential?.source?.reject()
    }
}
