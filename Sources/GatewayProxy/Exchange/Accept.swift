import GatewayRecords
import GatewayWire

extension Exchange {
    /// Phase 1: the head is whole and canonical (the codec saw to that); stamp it and start the clock.
    func accept() {
        state = .answering
        record.startedNanoseconds = worker.now
        record.wallNanoseconds = worker.wallNanoseconds
        record.requestID = worker.recorder.nextIdentifier128()
        record.clientAddress = client.address
        clientIP = client.ip
        if client.isTrusted { believeForwardedAddress() }
        record.isTLS = client.port.isTLS
        record.downstreamProtocol = RequestRecord.WireProtocol(request.version)
        askedTarget = request.target
        askedPath = request.path
        askedAuthority = request.authority
        adoptTraceContext()
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
