import GatewayModel
import GatewayProxy
import GatewayRecords
import NIOCore

/// A call of a tool goes out once the audit log has what is about to be done; in class `strict` that is on the disk.
extension MCPExchange {
    func whenRecorded(_ call: ClientCall, _ proceed: @escaping () -> Void) throws(ClientFault) {
        let trail = worker.shared.audit
        guard trail.isOn, let exchange, let note else { return proceed() }
        switch trail.intent(exchange.toolIntent(note)) {
        case .proceed(let ticket):
            exchange.auditTicket = ticket
            proceed()
        case .refused(let error):
            exchange.record.errorCode = error.code
            throw ClientFault(error, id: call.id, status: 503)
        case .wait(let promise):
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
