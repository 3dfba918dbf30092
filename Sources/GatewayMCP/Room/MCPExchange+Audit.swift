import GatewayModel
import GatewayProxy
import GatewayRecords
import NIOCore

/// A call of a tool goes out once the audit log has what is about to be done; in class `strict` that is on the disk.
extension MCPExchange {
    /// Tells what is about to be done; what is returned has to be waited for before it is.
    func record(_ call: ClientCall) throws(ClientFault) -> AuditPromise? {
        let trail = worker.shared.audit
        guard trail.isOn, let exchange, note != nil else { return nil }
        let intent = trail.intent(.toolCall, timeMilliseconds: nowMilliseconds) { event in
            note?.lend { exchange.describe($0, asIntentIn: &event) }
        }
        switch intent {
        case .proceed(let ticket): exchange.auditTicket = ticket
        case .refused(let error):
            exchange.record.errorCode = error.code
            throw ClientFault(error, id: call.id, status: 503)
        case .wait(let promise): return promise
        }
        return nil
    }

    func wait(for promise: AuditPromise, _ call: ClientCall, _ proceed: @escaping () -> Void) {
        armTimer()
        let eventLoop = worker.eventLoop
        let bound = NIOLoopBound((exchange: self, call: call, proceed: proceed), eventLoop: eventLoop)
        promise.then { ticket in
            eventLoop.execute {
                let waiting = bound.value
                waiting.exchange.recorded(ticket, waiting.call, waiting.proceed)
            }
        }
    }

    private func recorded(_ ticket: AuditTicket?, _ call: ClientCall, _ proceed: () -> Void) {
        worker.refreshClock()
        // The client has gone meanwhile: nothing is done, and a ticket says so as it goes.
        guard let exchange else { return }
        guard let ticket else {
            exchange.record.errorCode = AuditTrail.unavailable.code
            return answer(ClientFault(AuditTrail.unavailable, id: call.id, status: 503))
        }
        exchange.auditTicket = ticket
        proceed()
    }
}
