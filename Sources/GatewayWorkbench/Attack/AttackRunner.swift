import GatewayModel
import NIOCore

/// Sends the catalogue at a URL, one case after the other, and judges what comes of it.
///
/// Only loopback targets, unless the caller says that it owns the other one.
package struct AttackRunner: Sendable {
    package struct Options: Sendable {
        package var via: Address?
        package var tls = ClientTLS()
        /// The upstream behind the gateway, where it is a mock of ours: then what was forwarded is judged too.
        package var upstream: MockJournal?
        package var allowRemote = false
        /// Only cases whose id starts with one of these; empty: all.
        package var only: [String] = []
        package var except: [String] = []
        /// How long an answer may take.
        package var answerMilliseconds = 2_000
        /// How long to watch after an answer for a second one or the close.
        package var settleMilliseconds = 200
        /// How long a slow peer is watched.
        package var slowMilliseconds = 3_000
        /// A slow peer that is not cut off in that time is a failure.
        package var slowMustEnd = false

        package init() {}
    }

    package let url: String
    package let options: Options
    private static let aliveMark = "attack-alive"

    package init(_ url: String, options: Options = Options()) {
        self.url = url
        self.options = options
    }

    /// The cases the options choose.
    package var cases: [AttackCase] {
        AttackCatalogue.cases.filter { attack in
            (options.only.isEmpty || options.only.contains { attack.id.hasPrefix($0) })
                && !options.except.contains { attack.id.hasPrefix($0) }
        }
    }

    /// Runs the chosen cases. Throws when the target may not be attacked or does not answer an ordinary request.
    package func run(progress: (@Sendable (CheckResult) -> Void)? = nil) async throws -> CheckReport {
        let target = try CallTarget(url)
        try refuseRemote(target)
        guard await isAlive(target) else {
            throw GatewayError(
                .unreachable, "no answer to an ordinary request: \(target)", hint: "start the gateway first")
        }
        let speaksHTTP2 = await speaksHTTP2(target)
        var results: [CheckResult] = []
        for attack in cases {
            if Task.isCancelled { break }
            let result = await run(attack, target, speaksHTTP2: speaksHTTP2)
            progress?(result)
            results.append(result)
        }
        return CheckReport(name: "attack http \(target)", results: results)
    }

    private func refuseRemote(_ target: CallTarget) throws(GatewayError) {
        var host = target.host
        switch options.via {
        case .host(let name, _)?: host = name
        case .unix?: return
        case nil: break
        }
        let isLoopback =
            host == "localhost" || host == "::1"
            || (host.hasPrefix("127.") && (try? SocketAddress(ipAddress: host, port: 0)) != nil)
        guard isLoopback || options.allowRemote else {
            throw GatewayError(
                .denied, "attacks go to loopback only, not to \(host)",
                hint: "allow remote targets only where they are yours")
        }
    }

    // MARK: one case

    private func run(_ attack: AttackCase, _ target: CallTarget, speaksHTTP2: Bool) async -> CheckResult {
        let start = NIODeadline.now()
        func result(_ judgement: AttackVerdict.Judgement) -> CheckResult {
            CheckResult(
                id: attack.id, name: "\(attack.title) (\(attack.severity.rawValue), \(attack.reference))",
                outcome: judgement.outcome, detail: judgement.detail,
                milliseconds: Int((NIODeadline.now() - start).nanoseconds / 1_000_000))
        }
        if case .http2 = attack.traffic, !speaksHTTP2 { return result((.inconclusive, "the target speaks no HTTP/2")) }
        options.upstream?.clear()
        let slow = attack.isSlow
        let outcome: RawOutcome
        do {
            outcome = try await perform(attack, target)
        } catch {
            return result((.failed, "the gateway takes no connection: \(error)"))
        }
        guard await isAlive(target) else { return result((.failed, "the gateway stopped answering")) }
        let forwarded = options.upstream?.requests.filter { !$0.target.contains(Self.aliveMark) }
        let sight = AttackSight(
            outcome: outcome, forwarded: forwarded, slowMustEnd: options.slowMustEnd,
            waitedMilliseconds: slow ? options.slowMilliseconds : options.answerMilliseconds)
        return result(AttackVerdict.judge(attack, sight))
    }

    private func perform(_ attack: AttackCase, _ target: CallTarget) async throws -> RawOutcome {
        let site = AttackSite(
            authority: target.authority, prefix: prefix(target), isSecure: target.isSecure,
            dripMilliseconds: max(10, options.slowMilliseconds / 20))
        let steps: [AttackStep]
        let isEnough: @Sendable ([UInt8]) -> Bool
        var version = Destination.HTTPVersion.http1
        switch attack.traffic {
        case .http1(let make):
            steps = make(site)
            isEnough = { !HTTP1Scan($0).statuses.isEmpty }
        case .http2(let make):
            steps = make(site)
            version = .http2
            let wantsConnectionError = attack.wantsConnectionError
            // A slow peer gets its head at once; whether it is cut off shows later.
            let endsWithHead = !attack.isSlow
            isEnough = { bytes in
                let scan = HTTP2Scan(bytes)
                if scan.goAwayCode != nil { return true }
                if wantsConnectionError { return false }
                return scan.resets[1] != nil || (endsWithHead && scan.statuses[1] != nil)
            }
        }
        let connection = try await RawConnection.open(
            Destination(target, version: version, via: options.via, tls: options.tls))
        for step in steps {
            switch step {
            case .send(let bytes): connection.post(bytes)
            case .finish: await connection.finishSending()
            case .drip(let bytes, let milliseconds): await drip(bytes, milliseconds, connection)
            }
        }
        let bound = attack.isSlow ? options.slowMilliseconds : options.answerMilliseconds
        var outcome = await connection.read(timeoutMilliseconds: bound, until: isEnough)
        if outcome.end == .open, isEnough(outcome.bytes) {
            outcome = await connection.readUntilClose(timeoutMilliseconds: options.settleMilliseconds)
        }
        await connection.close()
        return outcome
    }

    /// Stops as soon as the peer says or does anything, or the time of a slow peer is over.
    private func drip(_ bytes: [UInt8], _ milliseconds: Int, _ connection: RawConnection) async {
        let end = NIODeadline.now() + .milliseconds(Int64(options.slowMilliseconds))
        for byte in bytes {
            guard NIODeadline.now() < end else { return }
            connection.post([byte])
            let outcome = await connection.read(timeoutMilliseconds: milliseconds) { !$0.isEmpty }
            if outcome.end != .open || !outcome.bytes.isEmpty { return }
        }
    }

    private func prefix(_ target: CallTarget) -> String {
        var path = target.target.prefix { $0 != "?" }
        while path.last == "/" { path = path.dropLast() }
        return String(path)
    }

    // MARK: ordinary requests

    private func isAlive(_ target: CallTarget) async -> Bool {
        let client = WorkbenchClient(version: .automatic, via: options.via, tls: options.tls)
        return await answers(client, target)
    }

    private func speaksHTTP2(_ target: CallTarget) async -> Bool {
        await answers(WorkbenchClient(version: .http2, via: options.via, tls: options.tls), target)
    }

    private func answers(_ client: WorkbenchClient, _ target: CallTarget) async -> Bool {
        let url = "\(target.scheme.rawValue)://\(target.authority)\(prefix(target))/\(Self.aliveMark)"
        let response = try? await client.call("GET", url, timeoutMilliseconds: max(5_000, options.answerMilliseconds))
        return response != nil
    }
}

extension AttackCase {
    var isSlow: Bool {
        switch expectation {
        case .cutOff, .streamCutOff: true
        default: false
        }
    }

    var wantsConnectionError: Bool {
        if case .connectionError = expectation { return true }
        return false
    }
}
