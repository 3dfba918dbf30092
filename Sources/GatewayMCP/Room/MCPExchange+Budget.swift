import GatewayModel
import GatewayPolicy
import GatewayProxy
import GatewayRecords
import GatewayState

/// A call of a tool is a request on the budget of its own credential (of the run, where a token of a run makes it) and
/// on every BudgetPolicy that names the tool, and costs what an MCPToolPolicy says it does. Its own bytes are reserved;
/// those of the answer, which nobody knows before, are added when it has come, so that what is beyond a limit is owed.
extension MCPExchange {
    func reserve(
        _ tool: ToolDefinition, at server: CompiledServer, _ price: Money, _ call: ClientCall
    ) throws(ClientFault) {
        let budgets = room.catalog.budgets
        let hasOwn = principal.grant.map { !$0.limits.isEmpty } ?? false
        guard hasOwn || !budgets.isEmpty, let exchange else { return }
        let name = server.prefix + ToolView.separator + tool.name
        let facts = BudgetFacts(principal: principal, model: name)
        let demand = BudgetAmounts(
            cost: price, inputTokens: 0, outputTokens: 0, bytes: max(1, call.bytes.count))
        let (high, low) = exchange.record.requestID
        let id = [high, low].map { String(repeating: "0", count: $0.leadingZeroBitCount / 4) + MCPExchange.hex($0) }
            .joined()
        switch services.ledger.reserve(
            facts, demand, budgets.enforced, shadow: budgets.shadow, requestID: id,
            mayRunUnrecorded: budgets.mayRunUncounted(facts), nowMilliseconds: nowMilliseconds)
        {
        case .admitted(let reservation):
            var row = UsageRow(principal, model: name, requestID: id, timeMilliseconds: nowMilliseconds)
            row.operation = "tools/call"
            row.provider = server.shownName
            row.cost = price
            account = ToolAccount(reservation, row)
        case .refused(let refusal):
            exchange.record.verdictRule = refusal.standing.account.policy
            let error = refusal.error(nowMilliseconds: nowMilliseconds)
            exchange.record.errorCode = error.code
            throw ClientFault(error, id: call.id, status: 200)
        case .unavailable(let error): throw ClientFault(error, id: call.id, status: 200)
        }
    }

    private static func hex(_ word: UInt64) -> String { word == 0 ? "" : String(word, radix: 16) }

    var nowMilliseconds: Int { Int(worker.wallNanoseconds / 1_000_000) }
}

/// What one call holds of a budget until it ends; dropped before that, it counts as it was reserved.
final class ToolAccount {
    private var reservation: Reservation?
    private var row: UsageRow

    init(_ reservation: consuming Reservation, _ row: UsageRow) {
        self.row = row
        self.reservation = consume reservation
    }

    /// A call that no server was asked for costs nothing.
    func settle(_ result: ToolCallRecord.Result, bytes: Int, nowMilliseconds: Int) {
        guard let open = reservation.take() else { return }
        guard result != .refused else { return open.release(nowMilliseconds: nowMilliseconds) }
        row.outcome = result == .failed ? .failed : .completed
        row.status = 200
        row.bytes = bytes
        row.durationMilliseconds = max(0, nowMilliseconds - row.timeMilliseconds)
        row.timeMilliseconds = nowMilliseconds
        open.settle(row, nowMilliseconds: nowMilliseconds)
    }
}
