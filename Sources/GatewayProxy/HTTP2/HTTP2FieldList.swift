import CNGHTTP2
import GatewayWire

/// Builds the array of names and values nghttp2 encodes, by pointing at a head's own bytes; nghttp2 copies them
/// while it is being called. Kept by the session and used again for each head.
/// `pairs` holds pointers between calls, and nobody reads them then.
@safe
struct HTTP2FieldList {
    /// Names and values that are not in a head's store.
    private enum Word {
        static let bytes = Array(
            ":status:method:scheme:path:authority:protocolcontent-lengthtetrailersexpect100-continueCONNECThttpshttp"
                .utf8)
        static let status = Slice(start: 0, count: 7)
        static let method = Slice(start: 7, count: 7)
        static let scheme = Slice(start: 14, count: 7)
        static let path = Slice(start: 21, count: 5)
        static let authority = Slice(start: 26, count: 10)
        static let `protocol` = Slice(start: 36, count: 9)
        static let contentLength = Slice(start: 45, count: 14)
        static let te = Slice(start: 59, count: 2)
        static let trailers = Slice(start: 61, count: 8)
        static let expect = Slice(start: 69, count: 6)
        static let hundredContinue = Slice(start: 75, count: 12)
        static let connect = Slice(start: 87, count: 7)
        static let https = Slice(start: 94, count: 5)
        static let http = Slice(start: 99, count: 4)
    }

    private struct Leading {
        var name: Slice
        var value: Slice
        /// The value lies in the head's store, not in `own`.
        var isValueInHead: Bool
    }

    private var own = Word.bytes
    private var hasLength = false
    private var leading: [Leading] = []
    private var pairs: [nghttp2_nv] = unsafe []
    /// Left out besides the connection-specific fields: meaningless once a WebSocket runs over a stream.
    private static let webSocketAccept = Array("sec-websocket-accept".utf8)

    private mutating func begin() {
        own.removeSubrange(Word.bytes.count...)
        leading.removeAll(keepingCapacity: true)
        hasLength = false
    }

    private mutating func append(_ name: Slice, number: UInt64) {
        let start = own.count
        var rest = number
        repeat {
            own.append(UInt8(truncatingIfNeeded: 0x30 + rest % 10))
            rest /= 10
        } while rest > 0
        own[start...].reverse()
        leading.append(Leading(name: name, value: Slice(start: start, count: own.count - start), isValueInHead: false))
    }

    private mutating func appendLength(_ length: UInt64) {
        hasLength = true
        append(Word.contentLength, number: length)
    }

    /// Prepares a response's head; `status` may differ from the head's where a 101 becomes a 200.
    mutating func response(status: Int, framing: BodyFraming) {
        begin()
        append(Word.status, number: UInt64(status))
        if case .length(let length) = framing { appendLength(length) }
    }

    /// Prepares a request's head. A tunnel's is an extended CONNECT (RFC 8441), whatever the client's method was.
    mutating func request(_ head: borrowing RequestHead, framing: BodyFraming, isTLS: Bool, isTunnel: Bool) {
        begin()
        if isTunnel {
            leading.append(Leading(name: Word.method, value: Word.connect, isValueInHead: false))
            leading.append(Leading(name: Word.protocol, value: head.upgrade, isValueInHead: true))
        } else {
            leading.append(Leading(name: Word.method, value: head.methodName, isValueInHead: true))
        }
        if isTunnel || head.method != .connect {
            leading.append(
                Leading(name: Word.scheme, value: isTLS ? Word.https : Word.http, isValueInHead: false))
            leading.append(Leading(name: Word.path, value: head.target, isValueInHead: true))
        }
        if !head.authority.isEmpty {
            leading.append(Leading(name: Word.authority, value: head.authority, isValueInHead: true))
        }
        if case .length(let length) = framing { appendLength(length) }
        if head.acceptsTrailers {
            leading.append(Leading(name: Word.te, value: Word.trailers, isValueInHead: false))
        }
        if head.expectsContinue {
            leading.append(Leading(name: Word.expect, value: Word.hundredContinue, isValueInHead: false))
        }
    }

    /// Prepares the trailers of a message: no field comes before them, and no length among them.
    mutating func trailers() {
        begin()
        hasLength = true
    }

    /// Calls `body` with the array; its pointers are valid for the call.
    mutating func withPairs<Result>(
        _ fields: borrowing FieldBlock, isTunnel: Bool = false,
        _ body: (UnsafeMutablePointer<nghttp2_nv>?, Int) -> Result
    ) -> Result {
        unsafe pairs.removeAll(keepingCapacity: true)
        // Safe: nghttp2 reads names and values within `body` and writes to neither, although its type is mutable;
        // slices of a head lie within its store, and the arrays are not touched while the pointers live.
        return unsafe own.withUnsafeBufferPointer { own in
            unsafe fields.bytes.withUnsafeBufferPointer { store in
                for field in leading {
                    unsafe pairs.append(
                        Self.pair(own, field.name, field.isValueInHead ? store : own, field.value))
                }
                for entry in fields.entries {
                    switch entry.known {
                    case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade, .host, .te,
                        .http2Settings:
                        continue
                    // A field only where it describes and frames nothing: answers to HEAD, and 304.
                    case .contentLength where hasLength: continue
                    case .secWebSocketKey where isTunnel: continue
                    case .other where isTunnel && fields.equals(entry.name, Self.webSocketAccept): continue
                    default: unsafe pairs.append(Self.pair(store, entry.name, store, entry.value))
                    }
                }
                return unsafe pairs.withUnsafeMutableBufferPointer { unsafe body($0.baseAddress, $0.count) }
            }
        }
    }

    private static func pair(
        _ names: UnsafeBufferPointer<UInt8>, _ name: Slice, _ values: UnsafeBufferPointer<UInt8>, _ value: Slice
    ) -> nghttp2_nv {
        let nameBytes = unsafe UnsafeBufferPointer(rebasing: names[name.range])
        let valueBytes = unsafe UnsafeBufferPointer(rebasing: values[value.range])
        return unsafe nghttp2_nv(
            name: UnsafeMutablePointer(mutating: nameBytes.baseAddress),
            value: UnsafeMutablePointer(mutating: valueBytes.baseAddress), namelen: nameBytes.count,
            valuelen: valueBytes.count, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
    }
}
