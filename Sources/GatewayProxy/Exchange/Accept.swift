import GatewayRecords
import GatewayWire

extension Exchange {
    /// Phase 1: the head is whole and canonical (the codec saw to that); stamp it and start the clock.
    func accept() {
        state = .answering
        let recorder = worker.recorder
        recorder.metrics.change(.requestsActive, by: 1)
        record.startedNanoseconds = worker.now
        record.wallNanoseconds = worker.wallNanoseconds
        record.requestID = recorder.nextIdentifier128()
        record.clientAddress = client.address
        clientIP = client.ip
        if client.isTrusted { believeForwardedAddress() }
        let names = request.fields.names
        if names & FieldBlock.bit(.xSluiceTrace) != 0 { takeTraceToken() }
        record.isTLS = client.port.isTLS
        record.downstreamProtocol = RequestRecord.WireProtocol(request.version)
        askedTarget = request.target
        askedPath = request.path
        askedAuthority = request.authority
        adoptTraceContext(isOffered: names & FieldBlock.bit(.traceparent) != 0, recorder)
    }
}

extension RequestRecord.WireProtocol {
    init(_ version: HTTPVersion) {
        switch version {
        case .http10: self = .http10
        case .http11: self = .http11
        case .http2: self = .http2
        }
    }
}
