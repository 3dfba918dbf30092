import GatewayModel
import GatewayProxy

/// What a call needs to know of the tools that servers list.
extension MCPExchange {
    /// How often a list is asked for that changes each time.
    private static let listingsMax = 3

    /// What each of these servers lists for this caller; asked for where nothing recent is known, nil where it fails.
    func withShelves(
        _ servers: [CompiledServer], _ call: ClientCall, attempt: Int = 1,
        _ body: @escaping ([ToolShelf.Shelf?]) -> Void
    ) {
        let known = servers.map { services.shelf.shelf(of: $0, for: owner, now: worker.now) }
        guard known.contains(where: { $0 == nil }) else { return body(known) }
        let unknown = zip(servers, known).compactMap { $1 == nil ? $0 : nil }
        armTimer()
        listTools(unknown, call) { [self] lists in
            if servers.count == 1, let server = servers.first, let problem = lists.first?.problem {
                if askToConnect(problem, at: server, call) { return }
                return answer(ClientFault(problem, id: call.id, status: 200))
            }
            let shelves = servers.map { services.shelf.shelf(of: $0, for: owner, now: worker.now) }
            // One that changed while it was on its way is not what is called now.
            let missing = Set(zip(servers, shelves).compactMap { $1 == nil ? $0.name : nil })
            let isStale = zip(unknown, lists).contains { server, list in
                list.problem == nil && !list.isMissing && missing.contains(server.name)
            }
            guard isStale, attempt < MCPExchange.listingsMax else { return body(shelves) }
            withShelves(servers, call, attempt: attempt + 1, body)
        }
    }

    /// Each server is asked once for all who want to know its list in the same session.
    private func listTools(
        _ servers: [CompiledServer], _ call: ClientCall, _ body: @escaping ([ListGathering.Outcome]) -> Void
    ) {
        var outcomes = servers.map { _ in ListGathering.Outcome() }
        var openCount = servers.count
        let (caller, services, worker) = (caller(call), services, worker)
        let governance = room.catalog.governance
        for (index, server) in servers.enumerated() {
            services.live.listings.ask(
                "\(server.key) \(caller.scope(server))", on: worker,
                { [owner] listed in
                    // It may have come since it was asked for.
                    if services.shelf.shelf(of: server, for: owner, now: worker.now) != nil {
                        return listed(ListGathering.Outcome())
                    }
                    ListGathering(.tools, [server], caller, services, governance, on: worker)
                        .start { listed(ListGathering.Outcome($0)) }
                },
                then: { [self] outcome in
                    outcomes[index] = outcome
                    openCount -= 1
                    if openCount == 0, exchange != nil { body(outcomes) }
                })
        }
    }
}
