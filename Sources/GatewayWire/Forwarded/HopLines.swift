/// The field lines we add to each request of a connection whose peer is not believed: where it came from, its trace
/// and its id. All but the host and the ids is the same for every request, so the lines are made once and appended in
/// one piece. They say what `ForwardedFields` says of such a peer.
package struct HopLines: Sendable {
    /// Names that a head must not have yet.
    package static let names =
        FieldBlock.bit(.forwarded) | FieldBlock.bit(.xForwardedFor) | FieldBlock.bit(.xForwardedProto)
        | FieldBlock.bit(.xForwardedHost) | FieldBlock.bit(.xForwardedPort) | FieldBlock.bit(.xRealIP)
        | FieldBlock.bit(.traceparent) | FieldBlock.bit(.xRequestID)

    /// What changes from request to request.
    package struct Names {
        package var trace: TraceContext
        package var requestID: (UInt64, UInt64)

        package init(trace: TraceContext, requestID: (UInt64, UInt64)) {
            self.trace = trace
            self.requestID = requestID
        }
    }

    private let bytes: [UInt8]
    private let peerCount: Int
    private let protoCount: Int
    private let portCount: Int

    private static let traceStart = 13
    private static let requestIDStart = traceStart + TraceContext.bytesCount + 2 + 14
    private static let fixedEnd = requestIDStart + 32 + 2

    package init(peer: IPAddress, isTLS: Bool, localPort: UInt16) {
        var address: [UInt8] = []
        peer.unmapped.append(to: &address)
        var port: [UInt8] = []
        HTTP1Serializer.append(decimal: UInt64(localPort), to: &port)
        let proto: StaticString = isTLS ? "https" : "http"
        var out: [UInt8] = []
        HTTP1Serializer.append("traceparent: ", to: &out)
        out.append(contentsOf: repeatElement(Byte.zero, count: TraceContext.bytesCount))
        for dash in [2, 35, 52] { out[HopLines.traceStart + dash] = Byte.dash }
        HTTP1Serializer.append("\r\nx-request-id: ", to: &out)
        out.append(contentsOf: repeatElement(Byte.zero, count: 32))
        HTTP1Serializer.append("\r\nx-forwarded-for: ", to: &out)
        out.append(contentsOf: address)
        HTTP1Serializer.append("\r\nx-forwarded-proto: ", to: &out)
        HTTP1Serializer.append(proto, to: &out)
        HTTP1Serializer.append("\r\nx-forwarded-port: ", to: &out)
        out.append(contentsOf: port)
        HTTP1Serializer.append("\r\nx-forwarded-host", to: &out)
        bytes = out
        peerCount = address.count
        protoCount = proto.utf8CodeUnitCount
        portCount = port.count
    }

    /// Appends the lines to a head that has none of `names`.
    package func append(to head: inout RequestHead, _ names: Names) {
        let start = head.fields.bytes.count
        head.fields.bytes.append(contentsOf: bytes)
        HopLines.write(names, start, in: &head.fields.bytes)
        addEntries(start, head.authority, to: &head.fields.entries)
    }

    private func addEntries(_ start: Int, _ authority: Slice, to entries: inout [FieldBlock.Entry]) {
        var place = start
        @inline(__always)
        func line(_ known: FieldName, _ nameCount: Int, _ valueCount: Int) {
            entries.append(
                FieldBlock.Entry(
                    name: Slice(start: place, count: nameCount),
                    value: Slice(start: place &+ nameCount &+ 2, count: valueCount), known: known))
            place &+= nameCount &+ valueCount &+ 4
        }
        line(.traceparent, 11, TraceContext.bytesCount)
        line(.xRequestID, 12, 32)
        line(.xForwardedFor, 15, peerCount)
        line(.xForwardedProto, 17, protoCount)
        line(.xForwardedPort, 16, portCount)
        guard !authority.isEmpty else { return }
        // Its value stands where the client wrote it.
        entries.append(
            FieldBlock.Entry(name: Slice(start: place, count: 16), value: authority, known: .xForwardedHost))
    }

    /// Fills the digits in; all else of the lines is there.
    private static func write(_ names: Names, _ start: Int, in bytes: inout [UInt8]) {
        precondition(start &+ fixedEnd <= bytes.count)
        let trace = start &+ traceStart
        // Safe: all offsets lie before `fixedEnd`, which is inside the array, and integers take any place.
        unsafe bytes.withUnsafeMutableBytes { memory in
            @inline(__always)
            func put(_ value: UInt64, _ offset: Int) {
                let high = Hexadecimal.digits(UInt32(truncatingIfNeeded: value &>> 32)).littleEndian
                let low = Hexadecimal.digits(UInt32(truncatingIfNeeded: value)).littleEndian
                unsafe memory.storeBytes(of: high, toByteOffset: offset, as: UInt64.self)
                unsafe memory.storeBytes(of: low, toByteOffset: offset &+ 8, as: UInt64.self)
            }
            put(names.trace.traceHigh, trace &+ 3)
            put(names.trace.traceLow, trace &+ 19)
            put(names.trace.span, trace &+ 36)
            put(names.requestID.0, start &+ requestIDStart)
            put(names.requestID.1, start &+ requestIDStart &+ 16)
            let flags = Hexadecimal.digits(UInt32(names.trace.flags)) &>> 48
            let twoDigits = UInt16(truncatingIfNeeded: flags).littleEndian
            unsafe memory.storeBytes(of: twoDigits, toByteOffset: trace &+ 53, as: UInt16.self)
        }
    }
}
