import GatewayIdentity
import GatewayModel
import GatewayProxy
import GatewayWire

/// Credentials that are fetched: a request that needs one before it is there waits for the fetch, and no longer than
/// for the server itself.
extension ServerPost {
    /// Goes on with what the source has, once; ends the request when there is nothing to be had.
    func open(by source: LiveCredential, _ body: @escaping (UpstreamCredential) -> Void) {
        switch source.lookUp() {
        case .ready(let credential): body(credential)
        case .failed(let error): fail(error.message)
        case .waiting:
            guard waiting?.isOver != true else { return fail("it did not come within the server's timeout") }
            wait(for: source, body)
        }
    }

    private func wait(for source: LiveCredential, _ body: @escaping (UpstreamCredential) -> Void) {
        let most = server.rule.timeouts.firstByteNanoseconds
        let wait = waiting ?? CredentialWait()
        waiting = wait
        let isWaiting = wait.wait(for: source, withinNanoseconds: most, on: worker) { [self] in
            open(by: source, body)
        }
        if !isWaiting { fail("too many requests wait for it") }
    }

    private func fail(_ cause: String) {
        waiting?.end()
        outcome = .failed(
            GatewayError(
                .credentialUnavailable, "the server has no usable credential: \(server.shownName)",
                hint: "the operator finds the reason in the gateway's log", cause: cause))
        finish()
    }

    /// Puts a fetched credential into a head that is complete but for it, or signs that.
    func open(_ head: inout RequestHead, _ credential: UpstreamCredential?, _ body: [UInt8]) {
        waiting?.end()
        switch credential {
        case nil: break
        case .token(let token):
            CompiledServer.value(of: token, in: server.credentialField).reveal {
                head.fields.append(name: server.credentialField, value: $0)
            }
        case .signer(let signer):
            var digest = AWSSigner.BodyDigest()
            digest.add(body.span)
            signer.sign(&head, bodyHex: digest.hex, wallSeconds: Int(worker.wallNanoseconds / 1_000_000_000))
        }
    }
}
