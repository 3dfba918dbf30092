import GatewayControl
import GatewayModel
import GatewayProxy
import GatewayRecords
import Glibc
import NIOCore
import NIOPosix
import Synchronization

/// One sink of an AuditPolicy, with where it was written: a file's path and a credential are found from there.
struct AuditSinkPlan: Hashable, Sendable {
    var sink: AuditSink
    /// `namespace/name` of the policy.
    var policy: String
    var origin: String

    /// The name its cursor is kept under.
    var cursor: String { "\(policy.replacing("/", with: "."))-\(sink.name)" }
}

/// The objects as they are now: a credential may change under a sink that stays.
final class SinkObjects: Sendable {
    let current = Mutex(ObjectSet.empty)
}

/// Gives batches to one sink.
struct AuditDelivery: Sendable {
    let plan: AuditSinkPlan
    let chain: String
    let gateway: String
    let files: SideFileReader
    let objects: SinkObjects
    let client: OutboundClient
    let group: MultiThreadedEventLoopGroup

    /// Why the sink has not got the batch; nil when it has.
    func deliver(_ batch: [AuditEntry]) async -> String? {
        do {
            let sink = plan.sink
            if let file = sink.file { try append(AuditSinkText.lines(batch), to: file.path) }
            if let target = sink.webhook {
                let body = AuditSinkText.lines(batch)
                try await post(batch, to: target, at: target.url, body, "application/x-ndjson")
            }
            if let target = sink.otlp {
                let body = AuditSinkText.otlpLogs(batch, gateway: gateway)
                try await post(
                    batch, to: target, at: OutboundURL.join(target.url, "/v1/logs"), body, "application/json")
            }
            if let target = sink.s3 { try await put(batch, target) }
            if let target = sink.syslog { try await write(AuditSinkText.syslog(batch, host: gateway), to: target) }
            return nil
        } catch {
            return "\(error)"
        }
    }

    private func append(_ bytes: [UInt8], to path: String) throws(GatewayError) {
        let place = try files.path(path, origin: plan.origin)
        let descriptor = unsafe open(place, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard descriptor >= 0 else { throw GatewayError(.unreadableFile, "cannot open \(place)") }
        defer { close(descriptor) }
        let start = lseek(descriptor, 0, SEEK_END)
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else {
                // Half a batch would be there twice.
                _ = ftruncate(descriptor, start)
                throw GatewayError(.unreadableFile, "cannot write \(place)")
            }
            rest = rest.dropFirst(count)
        }
        guard fdatasync(descriptor) == 0 else { throw GatewayError(.unreadableFile, "cannot write \(place)") }
    }

    private func post(
        _ batch: [AuditEntry], to sink: AuditHTTPSink, at url: String, _ body: [UInt8], _ type: String
    ) async throws {
        var request = OutboundRequest(
            "POST", url, fields: [OutboundField("content-type", type), OutboundField("idempotency-key", name(batch))],
            body: body, timeoutMilliseconds: 30_000, responseBytesMax: 64 * 1024)
        if let credential = sink.credential {
            let token = try secret(credential).reveal { String(decoding: $0, as: UTF8.self) }
            request.fields.append(OutboundField("authorization", "Bearer \(token)"))
        }
        try await send(request)
    }

    private func put(_ batch: [AuditEntry], _ sink: AuditS3Sink) async throws {
        let request = try S3Request(sink, secret: try secret(sink.secretKey)).put(
            "\(chain.split(separator: "/").last ?? "log")/\(name(batch)).jsonl", AuditSinkText.lines(batch),
            nowSeconds: WallTime.seconds)
        try await send(request)
    }

    private func send(_ request: OutboundRequest) async throws {
        let answer = try await client.send(request)
        guard (200..<300).contains(answer.status) else {
            throw GatewayError(.upstreamProtocolError, "the sink answered \(answer.status)")
        }
    }

    /// One connection for each batch: what is closed in order has arrived, as far as TCP can tell.
    private func write(_ bytes: [UInt8], to sink: AuditSyslogSink) async throws {
        let channel = try await ClientBootstrap(group: group).connectTimeout(.seconds(10))
            .connect(host: sink.host, port: sink.port).get()
        do {
            try await channel.writeAndFlush(ByteBuffer(bytes: bytes)).get()
            try await channel.close().get()
        } catch {
            channel.close(promise: nil)
            throw error
        }
    }

    /// The same for the same records, so that who gets them twice can tell.
    private func name(_ batch: [AuditEntry]) -> String {
        let digits = String(batch.first?.index ?? 0)
        return String(repeating: "0", count: max(0, 12 - digits.count)) + digits + "-\(batch.count)"
    }

    private func secret(_ credential: ModelCredential) throws(GatewayError) -> Secret {
        let index = ObjectIndex(objects.current.withLock { $0.objects })
        var options = SnapshotCompiler.Options()
        options.files = files
        let parts = plan.policy.split(separator: "/").map(String.init)
        return try CredentialReader(index: index, grants: ReferenceGrantIndex(index.grants), options: options).read(
            credential, of: ObjectKey(.auditPolicy, namespace: parts.first ?? "default", name: parts.last ?? ""))
    }
}

extension GatewayProcess {
    /// Starts what is new and ends what is gone; what stays goes on.
    func ship(_ set: ObjectSet, _ log: AuditLog) {
        var plans: [AuditSinkPlan] = []
        for object in set.objects {
            guard case .auditPolicy(let policy) = object.content else { continue }
            for sink in policy.spec.sinks {
                plans.append(
                    AuditSinkPlan(
                        sink: sink, policy: policy.metadata.qualifiedName, origin: object.position.file))
            }
        }
        let wanted = plans
        let client = OutboundClient(plane)
        let files = SideFileReader(stateDirectory: options.stateDirectory)
        log.sinks.keep(Set(plans.map(\.cursor)))
        sinkObjects.current.withLock { $0 = set }
        life.withLock { life in
            for (plan, task) in life.shippers where !wanted.contains(plan) {
                task.cancel()
                life.shippers[plan] = nil
            }
            for plan in wanted where life.shippers[plan] == nil {
                let delivery = AuditDelivery(
                    plan: plan, chain: log.verifier.name, gateway: log.settings.gateway, files: files,
                    objects: sinkObjects, client: client, group: group)
                let shipper = AuditShipper(
                    name: plan.cursor, log: log, pause: { try await Task.sleep(for: .milliseconds($0)) },
                    deliver: { await delivery.deliver($0) })
                life.shippers[plan] = Task { await shipper.run() }
            }
        }
    }

    /// What is not with a sink yet is shipped after the next start.
    func finishShipping() async {
        let tasks = life.withLock { life in
            defer { life.shippers.removeAll() }
            return Array(life.shippers.values)
        }
        for task in tasks { task.cancel() }
        for task in tasks { await task.value }
    }
}
