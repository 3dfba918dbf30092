import GatewayIdentity
import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore

/// A protected server: the caller's token for it goes with each request. A refusal is answered with another token,
/// once: what was refused was not done.
extension ServerPost {
    /// What is sent, as long as it may have to be sent again.
    struct Asked {
        var method: GatewayWire.HTTPMethod
        var fields: [(name: String, value: [UInt8])]
        var body: [UInt8]
        var isStream: Bool
    }

    private static let waitsMax = 4

    /// Sends what was asked once there is a token.
    func authorize(_ asked: Asked, waits: Int = 0) {
        guard !isAbandoned else { return }
        guard let access = server.access else {
            return fail(GatewayError(.credentialUnavailable, "the server is opened for nobody: \(server.shownName)"))
        }
        switch access.find() {
        case .token(let found):
            token = found
            self.asked = asked
            send(asked, .token(found.value))
        case .refused(let error): fail(error)
        case .waiting:
            let eventLoop = worker.eventLoop
            let bound = NIOLoopBound((self, asked), eventLoop: eventLoop)
            let isWaiting =
                waits < ServerPost.waitsMax
                && access.wait {
                    eventLoop.execute {
                        let (post, asked) = bound.value
                        post.worker.refreshClock()
                        post.authorize(asked, waits: waits + 1)
                    }
                }
            if !isWaiting { fail(GatewayError(.overloaded, "too many requests wait for a token")) }
        }
    }

    private func fail(_ error: GatewayError) {
        outcome = .failed(error)
        finish()
    }

    /// Whether the answer is about the token, and not about the request.
    var isAboutToken: Bool {
        guard token != nil else { return false }
        return status == 401 || status == 403 && challenge?.error == "insufficient_scope"
    }

    /// What follows a refusal; false when it is the answer.
    func takeRefusal() -> Bool {
        guard isAboutToken, let access = server.access, let token, let asked else { return false }
        let rejection = access.reject(token, challenge)
        self.token = nil
        self.asked = nil
        switch rejection {
        case .refused(let error):
            outcome = .failed(error)
            return false
        case .again:
            guard !hasTriedAgain else { return false }
            hasTriedAgain = true
            forgetAnswer()
            // The refused call is about to end.
            let bound = NIOLoopBound((self, asked), eventLoop: worker.eventLoop)
            worker.eventLoop.execute {
                let (post, asked) = bound.value
                post.authorize(asked)
            }
            return true
        }
    }
}
