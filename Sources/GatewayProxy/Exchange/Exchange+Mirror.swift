import GatewayModel
import GatewayRecords
import GatewayWire
import NIOCore

/// Copies of a request whose answers nobody reads.
extension Exchange {
    /// Starts the copies this request's rule and backend ask for.
    func startMirrors() {
        guard let rule, let choice = attempt.choice, !rule.mirrors.isEmpty || !choice.mirrors.isEmpty else { return }
        for mirror in rule.mirrors + choice.mirrors {
            if mirror.numerator < mirror.denominator,
                worker.random.next(below: UInt64(max(1, mirror.denominator))) >= UInt64(mirror.numerator)
            {
                continue
            }
            worker.recorder.metrics.add(.mirrored)
            // Never one that is used again: this request would go on holding it when it serves another.
            let copy = Exchange(worker: worker)
            copy.beginMirror(of: self, to: mirror.backend)
            mirrors.append(copy)
        }
    }

    private func beginMirror(of original: Exchange, to backend: CompiledBackend) {
        downstream = .none
        client = original.client
        snapshot = original.snapshot
        rule = original.rule
        request = original.request
        request.expectsContinue = false
        request.upgrade = .empty
        record.startedNanoseconds = worker.now
        record.backend = backend.name
        record.backendID = backend.metricSlot
        attempt.choice = nil
        attempt.backend = backend
        requestEnded = original.requestEnded
        receiver = .upstream
        state = .answering
        startAttempt()
    }

    /// A body chunk for the copy. A mirror that cannot keep up loses its copy; it never slows the request.
    func receiveMirrored(_ body: ByteBuffer) {
        guard state == .seeking || state == .awaiting || state == .responding else { return }
        if held.byteCount + body.readableBytes > snapshot.limits.bufferBytesMax || !upstream.isWritable {
            return downstreamClosed()
        }
        receive(body)
        upstream.flush()
    }
}
