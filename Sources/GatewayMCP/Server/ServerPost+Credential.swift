import GatewayIdentity
import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore

/// Credentials that are fetched: a request that needs one before it is there waits for the fetch, and no longer than
/// for the server itself.
extension ServerPost {
    /// Goes on with what the source has, once; ends the request when there is nothing to be had.
    func open(by source: LiveCredential, _ body: @escaping (UpstreamCredential) -> Void) {
        switch source.lookUp() {
        case .ready(let credential): body(credential)
        case .failed(let error): fail(error.message)
        case .waiting:
            guard !waiting.isOver else { return fail("it did not come within the server's timeout") }
            wait(for: source, body)
        }
    }

    private func wait(for source: LiveCredential, _ body: @escaping (UpstreamCredential) -> Void) {
        waiting.number += 1
        waiting.isUnderWay = true
        waiting.resume = { [self] in open(by: source, body) }
        let number = waiting.number
        let bound = NIOLoopBound(self, eventLoop: worker.eventLoop)
        let eventLoop = worker.eventLoop
        if waiting.deadline == nil {
            let milliseconds = Int64(server.rule.timeouts.firstByteNanoseconds / 1_000_000)
            waiting.deadline = eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(milliseconds)) { [self] in
                waiting.isOver = true
                resume(waiting.number)
            }
        }
        guard source.whenFetched({ eventLoop.execute { bound.value.resume(number) } }) else {
            return fail("too many requests wait for it")
        }
    }

    private func resume(_ number: Int) {
        guard waiting.isUnderWay, number == waiting.number else { return }
        waiting.isUnderWay = false
        worker.refreshClock()
        let resume = waiting.resume
        waiting.resume = nil
        resume?()
    }

    private func fail(_ cause: String) {
        waiting.end()
        outcome = .failed(
            GatewayError(
                .credentialUnavailable, "the server has no usable credential: \(server.shownName)",
                hint: "the operator finds the reason in the gateway's log", cause: cause))
        finish()
    }

    /// Puts a fetched credential into a head that is complete but for it, or signs that.
    func open(_ head: inout RequestHead, _ credential: UpstreamCredential?, _ body: [UInt8]) {
        waiting.end()
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

/// What a request knows of the fetch it waits for.
struct CredentialWait {
    /// Of the wait at hand: what belongs to an earlier one changes nothing.
    var number = 0
    var isUnderWay = false
    var isOver = false
    var deadline: Scheduled<Void>?
    var resume: (() -> Void)?

    mutating func end() {
        deadline?.cancel()
        (deadline, resume, isUnderWay) = (nil, nil, false)
    }
}
