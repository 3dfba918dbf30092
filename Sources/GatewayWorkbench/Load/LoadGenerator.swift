import NIOCore

/// Runs a `LoadPlan`. Cancelling the task ends the run early with what was done until then.
package struct LoadGenerator: Sendable {
    private static let samplesMax = 20_000
    private static let failureKindsMax = 100

    package let plan: LoadPlan
    package let client: WorkbenchClient

    package init(_ plan: LoadPlan, client: WorkbenchClient = WorkbenchClient()) {
        self.plan = plan
        self.client = client
    }

    package func run() async -> LoadReport {
        let start = NIODeadline.now()
        var total = await withTaskGroup(of: LoadReport.self) { group in
            for connection in 0..<plan.connections {
                group.addTask {
                    switch plan.kind {
                    case .http: await httpWorker(connection)
                    case .webSocket: await webSocketWorker(connection)
                    }
                }
            }
            var total = LoadReport()
            for await part in group { total.merge(part) }
            return total
        }
        total.milliseconds = Int((NIODeadline.now() - start).nanoseconds / 1_000_000)
        total.latenciesMicroseconds.sort()
        return total
    }

    // MARK: HTTP

    private func httpWorker(_ worker: Int) async -> LoadReport {
        let lanes = max(1, plan.streamsPerConnection)
        let slot = LoadSlot(client: client, url: plan.url)
        var report = await withTaskGroup(of: LoadReport.self) { group in
            for number in 0..<lanes {
                group.addTask { await lane(worker, number, of: lanes, slot: slot) }
            }
            var sum = LoadReport()
            for await part in group { sum.merge(part) }
            return sum
        }
        report.connectionsOpened = await slot.finish()
        return report
    }

    /// Every `lanes`-th request of a worker, one after the other.
    private func lane(_ worker: Int, _ number: Int, of lanes: Int, slot: LoadSlot) async -> LoadReport {
        var report = LoadReport()
        for offset in stride(from: number, to: plan.requestsPerConnection, by: lanes) {
            if Task.isCancelled { break }
            let index = worker * plan.requestsPerConnection + offset
            var attempts = 0
            while true {
                attempts += 1
                do {
                    let open = try await slot.connection()
                    do {
                        try await judged(index, open, &report)
                        if !open.isOpen { await slot.retire(open) }
                    } catch {
                        await slot.retire(open)
                        throw error
                    }
                } catch let error as CallError where error.isUnprocessed && plan.reconnects && attempts < 5 {
                    // RFC 9113 section 8.7: the server says that it did not touch the request.
                    report.retried += 1
                    continue
                } catch {
                    Self.fail(&report, "\(error)")
                }
                break
            }
        }
        return report
    }

    private func judged(_ index: Int, _ connection: ClientConnection, _ report: inout LoadReport) async throws {
        let response = try await exchange(index, connection, &report)
        if let wrong = plan.verify(index, response) {
            Self.fail(&report, wrong)
        } else {
            report.verified += 1
        }
        if !connection.isHTTP2, response.headers.first("connection")?.lowercased() == "close" {
            await connection.close()
        }
    }

    private func exchange(
        _ index: Int, _ connection: ClientConnection, _ report: inout LoadReport
    ) async throws -> CompletedResponse {
        var request = plan.request(index)
        request.timeoutMilliseconds = plan.timeoutMilliseconds
        report.sent += 1
        let response = try await connection.run(request)
        if report.latenciesMicroseconds.count < Self.samplesMax {
            report.latenciesMicroseconds.append(response.totalMicroseconds)
        }
        return response
    }

    // MARK: WebSocket

    /// Sends `number N` and expects it back, over one socket; an orderly close by the server between
    /// messages is followed by a new socket.
    private func webSocketWorker(_ worker: Int) async -> LoadReport {
        var report = LoadReport()
        var socket: WebSocketClient?
        for offset in 0..<plan.requestsPerConnection {
            if Task.isCancelled { break }
            let index = worker * plan.requestsPerConnection + offset
            do {
                if socket == nil {
                    socket = try await WebSocketClient.open(
                        plan.url, client: client, timeoutMilliseconds: plan.timeoutMilliseconds)
                    report.connectionsOpened += 1
                }
                let start = NIODeadline.now()
                report.sent += 1
                try await socket?.send(text: "number \(index)")
                let answer = try await socket?.receive(timeoutMilliseconds: plan.timeoutMilliseconds)
                if report.latenciesMicroseconds.count < Self.samplesMax {
                    report.latenciesMicroseconds.append(Int((NIODeadline.now() - start).nanoseconds / 1000))
                }
                if answer == .text("number \(index)") {
                    report.verified += 1
                } else {
                    Self.fail(&report, "message \(answer.map { "\($0)" } ?? "closed")")
                    await socket?.drop()
                    socket = nil
                }
            } catch {
                Self.fail(&report, "\(error)")
                await socket?.drop()
                socket = nil
            }
        }
        await socket?.drop()
        return report
    }

    private static func fail(_ report: inout LoadReport, _ what: String) {
        let key = report.failures[what] != nil || report.failures.count < failureKindsMax ? what : "other"
        report.failures[key, default: 0] += 1
    }
}

/// The connection of one worker, replaced when it is spent; its lanes never open two at once.
private actor LoadSlot {
    private let client: WorkbenchClient
    private let url: String
    private var current: Task<ClientConnection, any Error>?
    private var opened = 0

    init(client: WorkbenchClient, url: String) {
        self.client = client
        self.url = url
    }

    func connection() async throws -> ClientConnection {
        if let current { return try await current.value }
        opened += 1
        let task = Task { [client, url] in try await client.connection(url) }
        current = task
        do {
            return try await task.value
        } catch {
            if current == task { current = nil }
            throw error
        }
    }

    /// The next request opens a new connection; streams on the old one go on to their end.
    func retire(_ old: ClientConnection) async {
        guard let task = current, let present = try? await task.value, present === old, current == task else { return }
        current = nil
        if !old.isHTTP2 { await old.close() }
    }

    func finish() async -> Int {
        if let task = current, let connection = try? await task.value { await connection.close() }
        return opened
    }
}

extension CallError {
    /// The peer promised that it did not process the request.
    fileprivate var isUnprocessed: Bool { self == .goneAway || self == .streamReset(7) }
}
