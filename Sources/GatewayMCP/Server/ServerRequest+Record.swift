import GatewayModel
import GatewayProxy
import GatewayRecords
import GatewayWire

/// What is counted and told of the gateway's own request to a server, of which it is the client.
extension ServerRequest {
    /// How an operation failed, for records.
    func failure(_ reply: Reply) -> ToolClientRecord.Failure {
        switch reply {
        case .result(let result): method == "tools/call" && result.isFailure ? .toolError : .none
        case .error: .other
        case .failed(let error): error.code == .upstreamTimeout ? .timeout : .other
        // Its rest comes on another stream.
        case .ended: .none
        }
    }

    /// Streams that stay open, and questions of how a server is, are nobody's operations.
    func count(_ failure: ToolClientRecord.Failure) {
        guard !isStream, !isCheck, startedNanoseconds > 0 else { return }
        worker.recorder.metrics.recordToolOperation(
            method, slot: server.backend.metricSlot, failure: failure, nanoseconds: worker.now &- startedNanoseconds)
    }

    /// What a span tells of it; the caller's trace is followed.
    var record: ToolClientRecord {
        var record = ToolClientRecord(method: method, startedNanoseconds: startedNanoseconds)
        record.address = server.process == nil ? server.url.authority : ""
        return record
    }

    /// What is known of it at its end.
    func end(_ record: inout ToolClientRecord, _ reply: Reply) {
        record.endedNanoseconds = worker.now
        record.requestID = String(decoding: id.prefix(128), as: UTF8.self)
        record.revision = (session?.revision ?? .stateless).rawValue
        record.failure = failure(reply)
        record.errorCode = nil
        if case .error(let error, _) = reply { record.errorCode = (try? JSONTree.parse(error))?["code"]?.int }
    }
}
