/// An event as it was handed in, shared by the queue and by whoever owes its outcome: so many texts are not copied for
/// each of them.
final class SubmittedEvent: Sendable {
    let event: AuditEvent

    init(_ event: consuming AuditEvent) { self.event = event }
}
