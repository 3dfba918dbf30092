import FoundationEssentials
package import GatewayModel
import NIOCore

/// Runs a scenario: starts its backends, does its steps in order, stops the backends.
package struct ScenarioRunner: Sendable {
    package let scenario: Scenario
    /// Set over the file's own variables, so that a command can say where the gateway is.
    package let variables: [String: String]

    package init(_ scenario: Scenario, variables: [String: String] = [:]) {
        self.scenario = scenario
        self.variables = variables
    }

    /// Throws only when a backend cannot be started; everything else is in the report.
    package func run(progress: (@Sendable (CheckResult) -> Void)? = nil) async throws(GatewayError) -> CheckReport {
        let names = ScenarioVariables(scenario.variables.merging(variables) { $1 })
        var servers: [String: MockHTTPServer] = [:]
        for backend in scenario.serve {
            do {
                let server = try await start(backend)
                servers[backend.name] = server
                names.set("\(backend.name).port", "\(server.port)")
                names.set("\(backend.name).authority", server.authority)
                names.set("\(backend.name).url", "http://\(server.authority)")
            } catch {
                for server in servers.values { await server.stop() }
                throw GatewayError(
                    .unreachable, "cannot serve backend \(backend.name) on port \(backend.port)",
                    hint: "stop what listens there: ss -ltnp 'sport = :\(backend.port)'", cause: "\(error)")
            }
        }
        var results: [CheckResult] = []
        for (index, step) in scenario.steps.enumerated() {
            if Task.isCancelled { break }
            let result = await run(step, number: index + 1, names, servers)
            progress?(result)
            results.append(result)
        }
        for server in servers.values { await server.stop() }
        return CheckReport(name: scenario.name, results: results)
    }

    private func start(_ backend: ScenarioBackend) async throws -> MockHTTPServer {
        var options = MockHTTPServer.Options()
        options.port = backend.port
        options.pod = backend.pod
        options.http2Only = backend.http2Only
        return try await MockHTTPServer.start(options)
    }

    // MARK: steps

    private func run(
        _ step: ScenarioStep, number: Int, _ names: ScenarioVariables, _ servers: [String: MockHTTPServer]
    ) async -> CheckResult {
        let start = NIODeadline.now()
        let end = start + .milliseconds(Int64(step.eventuallyMilliseconds))
        var fault = await attempt(step, names, servers)
        while fault != nil, NIODeadline.now() < end {
            try? await Task.sleep(for: .milliseconds(50))
            fault = await attempt(step, names, servers)
        }
        if fault == nil {
            for (backend, _) in step.served { servers[backend]?.journal.clear() }
        }
        return CheckResult(
            id: "step-\(number)", name: step.name, outcome: fault == nil ? .passed : .failed,
            detail: fault.map { "\(scenario.file):\(step.line): \($0)" } ?? "",
            milliseconds: Int((NIODeadline.now() - start).nanoseconds / 1_000_000))
    }

    /// What went wrong, nil when nothing did.
    private func attempt(
        _ step: ScenarioStep, _ names: ScenarioVariables, _ servers: [String: MockHTTPServer]
    ) async -> String? {
        if let request = step.request {
            var faults: [String] = []
            var next = 0
            await withTaskGroup(of: String?.self) { group in
                while next < min(step.parallel, step.repeats) {
                    let index = next
                    group.addTask { await one(request, step, index, names) }
                    next += 1
                }
                for await fault in group {
                    if let fault { faults.append(fault) }
                    guard next < step.repeats else { continue }
                    let index = next
                    group.addTask { await one(request, step, index, names) }
                    next += 1
                }
            }
            if let first = faults.first {
                return step.repeats == 1 ? first : "\(faults.count) of \(step.repeats) failed, the first: \(first)"
            }
        }
        for (backend, count) in step.served {
            let got = servers[backend]?.journal.receivedCount ?? 0
            if got != count { return "expected \(count) requests at \(backend), got \(got)" }
        }
        return nil
    }

    private func one(
        _ request: ScenarioRequest, _ step: ScenarioStep, _ index: Int, _ names: ScenarioVariables
    ) async -> String? {
        do {
            let expand = { (text: String) throws -> String in try names.expand(text, index: index) }
            let answer = try await exchange(request, step.expect, expand)
            try answer.check(step.expect, expand)
            for (name, source) in step.capture { names.set(name, try answer.captured(source)) }
            return nil
        } catch let fault as ScenarioFault {
            return fault.message
        } catch {
            return "\(error)"
        }
    }

    // MARK: exchanges

    private func exchange(
        _ request: ScenarioRequest, _ expect: ScenarioExpectation, _ expand: (String) throws -> String
    ) async throws -> ScenarioAnswer {
        let url = try expand(request.url)
        let target = try CallTarget(url)
        var headers = try request.headers.map { Header($0.name, try expand($0.value)) }
        var body = try request.body.map { try expand($0) }
        if let json = request.json {
            body = try json.mapStrings(expand).json
            if !headers.has("content-type") { headers.append(Header("Content-Type", "application/json")) }
        }
        let version: Destination.HTTPVersion =
            switch request.wire {
            case .http1, .webSocket: .http1
            case .http2: .http2
            case nil: .automatic
            }
        let client = WorkbenchClient(
            version: version, via: try request.via.map { try address(try expand($0)) }, tls: try tls(request.tls))
        let start = NIODeadline.now()
        var answer = ScenarioAnswer()
        do {
            if request.wire == .webSocket || target.scheme == .ws || target.scheme == .wss {
                let messages = try request.messages.map { try expand($0) }
                try await webSocket(url, headers, messages, expect, request.timeoutMilliseconds, client, &answer)
            } else {
                let response = try await client.call(
                    request.method, url, headers: headers, body: body.map { .text($0) } ?? .none,
                    timeoutMilliseconds: request.timeoutMilliseconds)
                answer.status = response.status
                answer.headers = response.headers
                answer.trailers = response.trailers
                answer.body = response.body
            }
        } catch let error as CallError {
            answer.failure = error
        }
        answer.milliseconds = Int((NIODeadline.now() - start).nanoseconds / 1_000_000)
        return answer
    }

    private func webSocket(
        _ url: String, _ headers: [Header], _ messages: [String], _ expect: ScenarioExpectation,
        _ timeoutMilliseconds: Int, _ client: WorkbenchClient, _ answer: inout ScenarioAnswer
    ) async throws {
        let socket: WebSocketClient
        do {
            socket = try await WebSocketClient.open(
                url, headers: headers, client: client, timeoutMilliseconds: timeoutMilliseconds)
        } catch CallError.upgradeRefused(let status) {
            answer.status = status
            return
        }
        answer.status = 101
        answer.headers = socket.headers
        do {
            for message in messages { try await socket.send(text: message) }
            while answer.messages.count < expect.messages.count {
                guard case .text(let text)? = try await socket.receive(timeoutMilliseconds: timeoutMilliseconds) else {
                    break
                }
                answer.messages.append(text)
            }
            try await socket.sendClose()
        } catch {
            await socket.drop()
            throw error
        }
        await socket.drop()
    }

    private func address(_ text: String) throws -> Address {
        if text.hasPrefix("unix:") { return .unix(path: String(text.dropFirst(5))) }
        guard let (host, port) = splitAuthority(Substring(text)), let port else {
            throw ScenarioFault("via needs host:port or unix:path, got \(text)")
        }
        return .host(host, port: port)
    }

    private func tls(_ options: ScenarioTLS?) throws -> ClientTLS {
        var tls = ClientTLS()
        guard let options else { return tls }
        tls.insecure = options.insecure
        tls.serverName = options.serverName
        tls.authorityPEM = try options.authorityFile.map(read) ?? ""
        tls.certificatePEM = try options.certificateFile.map(read) ?? ""
        tls.privateKeyPEM = try options.keyFile.map(read) ?? ""
        return tls
    }

    private func read(_ path: String) throws -> String {
        let folder = scenario.file.lastIndex(of: "/").map { scenario.file[...$0] } ?? ""
        let whole = path.hasPrefix("/") ? path : "\(folder)\(path)"
        guard let data = FileManager.default.contents(atPath: whole) else {
            throw ScenarioFault("cannot read \(whole)")
        }
        return String(decoding: data, as: UTF8.self)
    }
}
