import GatewayModel
import GatewayProxy
import GatewayRecords
import Synchronization

/// Traces and metrics on their way to the collector. Loops hand spans to a bounded queue and never wait; what the
/// collector cannot take is dropped and counted.
extension GatewayProcess {
    /// Spans that did not fit or could not be sent.
    package var droppedSpans: UInt64 { spans?.droppedSpans ?? 0 }

    /// Exports until the task is cancelled, then once more what is left.
    func exportTelemetry() async {
        guard let collector = options.otlp else { return }
        var settings = OTLPExporter.Settings()
        settings.intervalMilliseconds = collector.intervalMilliseconds
        settings.metricsIntervalMilliseconds = collector.metricsIntervalMilliseconds
        let (client, end) = (OutboundClient(plane), TelemetryEnd())
        let exporter = OTLPExporter(
            spans: spans, registry: registry,
            resource: OTLPResource(instanceID: String(WallTime.seconds)), settings: settings,
            wallNanoseconds: { WallTime.nanoseconds },
            pause: { try await Task.sleep(for: .milliseconds($0)) },
            send: { await Self.send($0, to: collector, over: client, end) })
        await exporter.run()
    }

    private static func send(
        _ message: OTLPRequest, to collector: TelemetryCollector, over client: OutboundClient, _ end: TelemetryEnd
    ) async -> OTLPResponse {
        var request = OutboundRequest(
            "POST", OutboundURL.join(collector.url, message.path),
            fields: [OutboundField("content-type", message.contentType)], body: message.body,
            responseBytesMax: 64 * 1024)
        for field in collector.fields {
            field.value.reveal { request.fields.append(OutboundField(field.name, String(decoding: $0, as: UTF8.self))) }
        }
        let message = request
        let sending = Task { await answer(message, client) }
        return await withTaskCancellationHandler {
            await sending.value
        } onCancel: {
            // The gateway stops: what is on its way, and the last messages after it, leave nevertheless, but soon.
            let time = end.begin()
            Task {
                try? await Task.sleep(until: time, clock: .continuous)
                sending.cancel()
            }
        }
    }

    private static func answer(_ request: OutboundRequest, _ client: OutboundClient) async -> OTLPResponse {
        guard let answer = try? await client.send(request) else { return OTLPResponse(status: 0) }
        return OTLPResponse(status: answer.status, retryAfterSeconds: answer.value("retry-after").flatMap { Int($0) })
    }
}

/// Until when telemetry may leave once the gateway stops: one time for all of it, so that a collector that hangs holds
/// up nothing else.
private final class TelemetryEnd: Sendable {
    private let time = Mutex<ContinuousClock.Instant?>(nil)

    func begin() -> ContinuousClock.Instant {
        time.withLock { time in
            let end = time ?? .now.advanced(by: .seconds(2))
            time = end
            return end
        }
    }
}
