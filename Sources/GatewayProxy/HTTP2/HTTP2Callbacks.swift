import CNGHTTP2
import GatewayWire
import NIOCore

/// The C functions nghttp2 calls, each a translation into one call on the connection or the stream. The invariants
/// that make the pointers valid are written down at `HTTP2Session`.
enum HTTP2Callbacks {
    static func install(on callbacks: OpaquePointer) {
        unsafe nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks) { _, frame, user in
            guard let connection = unsafe owner(user), let frame = unsafe frame else { return failure }
            guard unsafe frame.pointee.hd.type == HTTP2FrameType.headers else { return 0 }
            unsafe connection.blockBegan(
                id: frame.pointee.hd.stream_id, isRequest: frame.pointee.headers.cat == NGHTTP2_HCAT_REQUEST)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_header_callback(callbacks) {
            _, _, name, nameCount, value, valueCount, _, user in
            guard let connection = unsafe owner(user), let name = unsafe name, let value = unsafe value else {
                return failure
            }
            let isWithin = unsafe connection.field(
                name: Span(_unsafeStart: name, count: nameCount),
                value: Span(_unsafeStart: value, count: valueCount))
            return isWithin ? 0 : failure
        }
        unsafe nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks) { _, frame, user in
            guard let connection = unsafe owner(user), let frame = unsafe frame else { return failure }
            unsafe received(frame, connection)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks) {
            _, _, id, bytes, count, user in
            guard let connection = unsafe owner(user), let bytes = unsafe bytes else { return failure }
            guard let payload = unsafe connection.session?.payload(bytes, count: count) else { return failure }
            connection.dataReceived(id: id, payload)
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_stream_close_callback(callbacks) { _, id, code, user in
            guard let connection = unsafe owner(user) else { return failure }
            connection.streamClosed(id: id, HTTP2Code(wire: code))
            return 0
        }
        unsafe nghttp2_session_callbacks_set_on_frame_send_callback(callbacks) { _, frame, user in
            guard let connection = unsafe owner(user), let frame = unsafe frame else { return failure }
            let header = unsafe frame.pointee.hd
            let code = unsafe header.type == HTTP2FrameType.reset ? frame.pointee.rst_stream.error_code : 0
            connection.frameSent(type: header.type, flags: header.flags, id: header.stream_id, HTTP2Code(wire: code))
            return 0
        }
        unsafe nghttp2_session_callbacks_set_send_data_callback(callbacks) { _, _, header, count, source, user in
            guard let connection = unsafe owner(user), let session = connection.session,
                let stream = unsafe target(source), let header = unsafe header
            else { return failure }
            unsafe session.output.writeBytes(UnsafeBufferPointer(start: header, count: 9))
            stream.movePayload(count, into: &session.output)
            return 0
        }
    }

    /// How nghttp2 asks a stream for DATA: first how much there is, then to write the frame itself.
    static func provider(for stream: HTTP2Stream) -> nghttp2_data_provider {
        var provider = unsafe nghttp2_data_provider()
        unsafe provider.source.ptr = Unmanaged.passUnretained(stream).toOpaque()
        unsafe provider.read_callback = { _, _, _, countMax, flags, source, _ in
            guard let stream = unsafe target(source), let flags = unsafe flags else { return Int(failure) }
            switch stream.nextData(countMax: countMax) {
            case .none: return Int(NGHTTP2_ERR_DEFERRED.rawValue)
            case .some(let count):
                unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue
                return count
            case .last(let count, let hasTrailers):
                unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_COPY.rawValue | NGHTTP2_DATA_FLAG_EOF.rawValue
                if hasTrailers { unsafe flags.pointee |= NGHTTP2_DATA_FLAG_NO_END_STREAM.rawValue }
                return count
            }
        }
        return unsafe provider
    }
}

// C function pointers capture nothing, not even a type: what the callbacks share stands outside of it.

private let failure = CInt(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue)

private func owner(_ user: UnsafeMutableRawPointer?) -> HTTP2Connection? {
    guard let user = unsafe user else { return nil }
    return unsafe Unmanaged<HTTP2Connection>.fromOpaque(user).takeUnretainedValue()
}

private func target(_ source: UnsafeMutablePointer<nghttp2_data_source>?) -> HTTP2Stream? {
    guard let pointer = unsafe source?.pointee.ptr else { return nil }
    return unsafe Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
}

/// A whole frame has arrived. HEADERS come here when their last CONTINUATION has.
private func received(_ frame: UnsafePointer<nghttp2_frame>, _ connection: HTTP2Connection) {
    let header = unsafe frame.pointee.hd
    switch header.type {
    case HTTP2FrameType.headers:
        connection.blockEnded(id: header.stream_id, isLast: header.flags & HTTP2Flag.endStream != 0)
    case HTTP2FrameType.data:
        if header.flags & HTTP2Flag.endStream != 0 { connection.endReceived(id: header.stream_id) }
    case HTTP2FrameType.settings:
        if header.flags & HTTP2Flag.ack == 0 { connection.settingsReceived() }
    case HTTP2FrameType.ping:
        if header.flags & HTTP2Flag.ack != 0 { connection.pingAnswered() }
    case HTTP2FrameType.goaway: connection.goawayReceived()
    default: break
    }
}
