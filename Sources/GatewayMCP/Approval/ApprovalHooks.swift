package import GatewayModel
import GatewayRecords
import GatewayState
import Synchronization

/// Brings messages about calls that wait to who is told of them. Whoever asks only puts one into a bounded queue; one
/// task takes them out and tries each again, ever later, until it is taken, decided or expired.
package final class ApprovalHooks: Sendable {
    struct Notice: Sendable {
        var hook: ApprovalHook
        /// Of the approval.
        var id: String
        var body: [UInt8]
        var expiresSeconds: Int
    }

    static let waitingMax = 1_000
    /// Receivers that are slow keep others waiting only when so many are.
    static let underWayMax = 64
    static let pauseSecondsMax = 60
    private static let timeoutMilliseconds = 10_000
    private static let answerBytesMax = 64 * 1024

    private let queue = AsyncStream<Notice>.makeStream(bufferingPolicy: .bufferingOldest(ApprovalHooks.waitingMax))
    private let dropped = Atomic<UInt64>(0)

    package init() {}

    /// Messages that found no place.
    package var droppedCount: UInt64 { dropped.load(ordering: .relaxed) }

    /// Never waits.
    func tell(_ notice: Notice) {
        if case .dropped = queue.continuation.yield(notice) { dropped.add(1, ordering: .relaxed) }
    }

    /// Delivers until its task is cancelled. `pause` takes seconds; `failed` says what the operator should know.
    package func run(
        over http: OutboundHTTP, nowSeconds: @escaping @Sendable () -> Int,
        isOpen: @escaping @Sendable (_ id: String) -> Bool,
        pause: @escaping @Sendable (_ seconds: Int) async throws -> Void,
        failed: @escaping @Sendable (String) -> Void
    ) async {
        var toldCount: UInt64 = 0
        await withTaskGroup(of: Void.self) { group in
            var underWay = 0
            for await notice in queue.stream {
                if underWay >= ApprovalHooks.underWayMax {
                    await group.next()
                    underWay -= 1
                }
                underWay += 1
                group.addTask {
                    let problem = await ApprovalHooks.deliver(
                        notice, over: http, nowSeconds: nowSeconds, isOpen: isOpen, pause: pause)
                    if let problem { failed(problem) }
                }
                if droppedCount > toldCount {
                    toldCount = droppedCount
                    failed("\(toldCount) messages about calls that wait found no place and were not sent")
                }
            }
            group.cancelAll()
        }
    }

    /// Why it was given up; nil when it was taken, or is not wanted any more.
    private static func deliver(
        _ notice: Notice, over http: OutboundHTTP, nowSeconds: @Sendable () -> Int,
        isOpen: @Sendable (String) -> Bool, pause: @Sendable (Int) async throws -> Void
    ) async -> String? {
        var attempt = 0
        var reason = ""
        while !Task.isCancelled {
            let now = nowSeconds()
            guard isOpen(notice.id) else { return nil }
            guard now < notice.expiresSeconds else { break }
            do {
                let answer = try await http.send(request(notice, now))
                if (200..<300).contains(answer.status) { return nil }
                reason = "status \(answer.status)"
                // It will say the same again.
                guard [408, 425, 429].contains(answer.status) || answer.status >= 500 else { break }
            } catch is CancellationError {
                return nil
            } catch { reason = (error as? GatewayError)?.message ?? "\(error)" }
            let seconds = min(pauseSecondsMax, 1 << min(attempt, 6))
            attempt += 1
            do { try await pause(seconds) } catch { return nil }
        }
        let policy = notice.hook.policy
        return "nobody was told of approval \(notice.id) by the webhook of ToolAccessPolicy \(policy): \(reason)"
    }

    private static func request(_ notice: Notice, _ now: Int) -> OutboundRequest {
        // The same at each attempt, so that a receiver knows it again.
        let id = "msg_\(notice.id)"
        return OutboundRequest(
            "POST", notice.hook.url,
            fields: [
                OutboundField("content-type", "application/json"), OutboundField("user-agent", "sluice"),
                OutboundField("webhook-id", id), OutboundField("webhook-timestamp", "\(now)"),
                OutboundField("webhook-signature", notice.hook.signature(id, now, notice.body)),
            ], body: notice.body, timeoutMilliseconds: timeoutMilliseconds, responseBytesMax: answerBytesMax,
            reach: .guarded(allowing: notice.hook.allowedAddresses))
    }
}

extension MCPExchange {
    /// A new item is told to whom the policy names, without waiting for them.
    func tellHook(_ item: ToolApproval) {
        let policy = item.rule.prefix { $0 != "#" }
        guard let hook = room.catalog.hooks[String(policy)] else { return }
        services.hooks.tell(
            ApprovalHooks.Notice(
                hook: hook, id: item.id, body: hook.body(item, principal, risk: note?.risk),
                expiresSeconds: item.expiresSeconds))
    }
}
