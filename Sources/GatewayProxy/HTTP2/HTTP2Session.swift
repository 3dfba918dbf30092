import CNGHTTP2
import GatewayModel
import GatewayWire
import NIOCore

/// One nghttp2 session: framing, HPACK, stream states and flow control of a connection. It does no I/O: bytes go in
/// by `receive`, come out in `output`, and events go to the connection that owns it (see `HTTP2Callbacks`).
///
/// All unsafe code of HTTP/2 is in this file, `HTTP2Callbacks` and `HTTP2FieldList`. What makes it safe:
/// - The handle lives as long as this object; it is freed in `deinit` only, never while nghttp2 is on the stack,
///   because whoever calls into the session holds it.
/// - The owner holds the session, so the pointer to the owner that nghttp2 keeps is valid whenever it calls back.
/// - A stream pointer is given to nghttp2 when the stream opens and taken away in its close callback; in between the
///   owner holds the stream (`HTTP2Connection.streams`).
/// - nghttp2 calls back only while `receive` or `fill` runs, on the loop's thread, and neither is entered twice: the
///   owner asks for `fill` only outside of both.
@safe
final class HTTP2Session {
    enum Role {
        case server
        case client
    }

    private let handle: OpaquePointer
    private var fieldList = HTTP2FieldList()
    /// Frames on their way out; the owner takes them after `fill`.
    var output = ByteBuffer()
    /// What `receive` works on, so that DATA can be handed on without a copy.
    private var input = ByteBuffer()
    private var inputBase: UnsafeRawPointer?

    init?(role: Role, limits: Limits, owner: HTTP2Connection) {
        var handle: OpaquePointer?
        var options: OpaquePointer?
        var callbacks: OpaquePointer?
        guard unsafe nghttp2_option_new(&options) == 0, unsafe nghttp2_session_callbacks_new(&callbacks) == 0,
            let options = unsafe options, let callbacks = unsafe callbacks
        else { return nil }
        defer {
            unsafe nghttp2_option_del(options)
            unsafe nghttp2_session_callbacks_del(callbacks)
        }
        // The exchange says when bytes have been taken, not the library.
        unsafe nghttp2_option_set_no_auto_window_update(options, 1)
        unsafe nghttp2_option_set_no_closed_streams(options, 1)
        unsafe nghttp2_option_set_peer_max_concurrent_streams(options, 100)
        unsafe nghttp2_option_set_max_reserved_remote_streams(options, 0)
        unsafe nghttp2_option_set_max_settings(options, 32)
        unsafe nghttp2_option_set_max_outbound_ack(options, max(limits.controlFramesPerSecondMax, 16))
        unsafe nghttp2_option_set_max_send_header_block_length(options, max(limits.headBytesMax * 2, 64 * 1024))
        unsafe HTTP2Callbacks.install(on: callbacks)
        let user = unsafe Unmanaged.passUnretained(owner).toOpaque()
        let status =
            switch role {
            case .server: unsafe nghttp2_session_server_new2(&handle, callbacks, user, options)
            case .client: unsafe nghttp2_session_client_new2(&handle, callbacks, user, options)
            }
        guard status == 0, let handle = unsafe handle else { return nil }
        unsafe self.handle = handle
    }

    deinit { unsafe nghttp2_session_del(handle) }

    // MARK: Bytes

    /// Takes what the peer sent. False when the session cannot go on: say goodbye and close.
    func receive(_ bytes: ByteBuffer) -> HTTP2Code? {
        input = bytes
        defer {
            input = ByteBuffer()
            unsafe inputBase = nil
        }
        let result = unsafe bytes.withUnsafeReadableBytes { pointer -> Int in
            unsafe inputBase = pointer.baseAddress
            guard let base = pointer.baseAddress else { return 0 }
            return unsafe nghttp2_session_mem_recv(
                handle, base.assumingMemoryBound(to: UInt8.self), pointer.count)
        }
        guard result < 0 else { return nil }
        switch result {
        case Int(NGHTTP2_ERR_FLOODED.rawValue), Int(NGHTTP2_ERR_TOO_MANY_SETTINGS.rawValue), -905:
            return .enhanceYourCalm
        case Int(NGHTTP2_ERR_BAD_CLIENT_MAGIC.rawValue), Int(NGHTTP2_ERR_SETTINGS_EXPECTED.rawValue):
            return .protocolError
        case Int(NGHTTP2_ERR_CALLBACK_FAILURE.rawValue): return .enhanceYourCalm
        default: return .internalError
        }
    }

    /// Bytes of a DATA frame, as a part of what was received. Called within `receive`.
    func payload(_ pointer: UnsafePointer<UInt8>, count: Int) -> ByteBuffer {
        // A slice keeps all of the read alive; a small chunk is cheaper to copy than to hold that way.
        if count > 1024, let base = unsafe inputBase {
            let offset = unsafe UnsafeRawPointer(pointer) - base
            if offset >= 0, let slice = input.getSlice(at: input.readerIndex + offset, length: count) { return slice }
        }
        return unsafe ByteBuffer(bytes: UnsafeBufferPointer(start: pointer, count: count))
    }

    /// Appends frames to `output` until there are none or `bytesMax` is reached. Returns whether there may be more.
    func fill(bytesMax: Int) -> Bool {
        while output.readableBytes < bytesMax {
            var frame: UnsafePointer<UInt8>?
            let count = unsafe nghttp2_session_mem_send(handle, &frame)
            guard count > 0, let frame = unsafe frame else { return false }
            unsafe output.writeBytes(UnsafeBufferPointer(start: frame, count: count))
        }
        return true
    }

    /// Neither side has anything to say any more.
    var isOver: Bool {
        unsafe nghttp2_session_want_read(handle) == 0 && nghttp2_session_want_write(handle) == 0
    }

    // MARK: Streams

    func attach(_ stream: HTTP2Stream, id: Int32) {
        unsafe nghttp2_session_set_stream_user_data(handle, id, Unmanaged.passUnretained(stream).toOpaque())
    }

    func detach(id: Int32) { unsafe nghttp2_session_set_stream_user_data(handle, id, nil) }

    func stream(_ id: Int32) -> HTTP2Stream? {
        guard let pointer = unsafe nghttp2_session_get_stream_user_data(handle, id) else { return nil }
        return unsafe Unmanaged<HTTP2Stream>.fromOpaque(pointer).takeUnretainedValue()
    }

    /// Sends a response's final head; with a body, the stream is asked for its bytes from then on.
    func submitResponse(
        _ fields: borrowing FieldBlock, status: Int, framing: BodyFraming, isTunnel: Bool, stream: HTTP2Stream,
        hasBody: Bool
    ) -> Bool {
        fieldList.response(status: status, framing: framing)
        var provider = unsafe HTTP2Callbacks.provider(for: stream)
        return unsafe fieldList.withPairs(fields, isTunnel: isTunnel) { pairs, count in
            hasBody
                ? unsafe nghttp2_submit_response(handle, stream.id, pairs, count, &provider) == 0
                : unsafe nghttp2_submit_response(handle, stream.id, pairs, count, nil) == 0
        }
    }

    /// Sends a 1xx head.
    func submitInterim(_ fields: borrowing FieldBlock, status: Int, id: Int32) -> Bool {
        fieldList.response(status: status, framing: .none)
        return unsafe fieldList.withPairs(fields) { pairs, count in
            unsafe nghttp2_submit_headers(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, nil, pairs, count, nil) == 0
        }
    }

    /// Sends a request's head on a new stream and returns its number, negative when there is none.
    func submitRequest(
        _ head: borrowing RequestHead, framing: BodyFraming, isTLS: Bool, isTunnel: Bool, stream: HTTP2Stream,
        hasBody: Bool
    ) -> Int32 {
        fieldList.request(head, framing: framing, isTLS: isTLS, isTunnel: isTunnel)
        var provider = unsafe HTTP2Callbacks.provider(for: stream)
        let user = unsafe Unmanaged.passUnretained(stream).toOpaque()
        return unsafe fieldList.withPairs(head.fields, isTunnel: isTunnel) { pairs, count in
            hasBody
                ? unsafe nghttp2_submit_request(handle, nil, pairs, count, &provider, user)
                : unsafe nghttp2_submit_request(handle, nil, pairs, count, nil, user)
        }
    }

    /// Ends a stream with fields instead of a last DATA frame.
    func submitTrailers(_ fields: borrowing FieldBlock, id: Int32) -> Bool {
        fieldList.trailers()
        return unsafe fieldList.withPairs(fields) { pairs, count in
            unsafe nghttp2_submit_trailer(handle, id, pairs, count) == 0
        }
    }

    /// The stream has bytes again after it had none.
    func resume(id: Int32) { _ = unsafe nghttp2_session_resume_data(handle, id) }

    func reset(id: Int32, _ code: HTTP2Code) {
        _ = unsafe nghttp2_submit_rst_stream(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), id, code.rawValue)
    }

    /// Gives bytes of a stream's receive window back to the peer.
    func consumeStream(id: Int32, _ count: Int) { _ = unsafe nghttp2_session_consume_stream(handle, id, count) }

    /// Gives bytes of the connection's receive window back to the peer.
    func consumeConnection(_ count: Int) { _ = unsafe nghttp2_session_consume_connection(handle, count) }

    // MARK: The connection

    func submitSettings(_ settings: [(nghttp2_settings_id, Int)], connectionWindowBytes: Int) {
        let entries = settings.map {
            nghttp2_settings_entry(settings_id: Int32($0.0.rawValue), value: UInt32(clamping: $0.1))
        }
        unsafe entries.withUnsafeBufferPointer {
            _ = unsafe nghttp2_submit_settings(
                handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), $0.baseAddress, $0.count)
        }
        _ = unsafe nghttp2_session_set_local_window_size(
            handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), 0, Int32(clamping: max(connectionWindowBytes, 65_535)))
    }

    /// GOAWAY with an error; everything received from here on is ignored.
    func terminate(_ code: HTTP2Code) { _ = unsafe nghttp2_session_terminate_session(handle, code.rawValue) }

    /// "I am about to leave": GOAWAY with the highest stream number.
    func submitShutdownNotice() { _ = unsafe nghttp2_submit_shutdown_notice(handle) }

    /// GOAWAY with the last stream that will be served.
    func submitGoaway(_ code: HTTP2Code) {
        let last = unsafe nghttp2_session_get_last_proc_stream_id(handle)
        _ = unsafe nghttp2_submit_goaway(
            handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), last, code.rawValue, nil, 0)
    }

    func submitPing() { _ = unsafe nghttp2_submit_ping(handle, UInt8(NGHTTP2_FLAG_NONE.rawValue), nil) }

    func remoteSetting(_ id: nghttp2_settings_id) -> UInt32 {
        unsafe nghttp2_session_get_remote_settings(handle, id)
    }

    /// Whether the peer still takes requests: stream numbers are left and it has not said GOAWAY.
    var mayOpenStream: Bool { unsafe nghttp2_session_check_request_allowed(handle) != 0 }
}
