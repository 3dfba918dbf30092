import GatewayModel
import GatewayWire
import NIOCore
import Synchronization

struct TraceContext {
    var traceHigh: UInt64
    var traceLow: UInt64
    var parentID: UInt64
    var isSampled: Bool
    init(traceHigh: UInt64, traceLow: UInt64, parentID: UInt64, isSampled: Bool) {
        self.traceHigh = traceHigh
        self.traceLow = traceLow
        self.parentID = parentID
        self.isSampled = isSampled
    }
    init?(parsing: Span<UInt8>) { return nil }
    func append(to: inout [UInt8]) {
        to.append(contentsOf: [0x30, 0x30, 0x2D])
        Hexadecimal.append(traceHigh, to: &to)
        Hexadecimal.append(traceLow, to: &to)
        to.append(0x2D)
        Hexadecimal.append(parentID, to: &to)
        to.append(contentsOf: [0x2D, 0x30, isSampled ? 0x31 : 0x30])
    }
}
enum Hexadecimal {
    static let digits: [UInt8] = Array("0123456789abcdef".utf8)
    static func append(_ value: UInt64, to: inout [UInt8]) {
        var shift: UInt64 = 64
        while shift > 0 {
            shift -= 4
            to.append(digits[Int((value >> shift) & 15)])
        }
    }
}
enum JSONWriter {
    static func appendString(_ text: String, to: inout [UInt8]) {
        to.append(0x22)
        to.append(contentsOf: text.utf8)
        to.append(0x22)
    }
}
package struct CIDRSet: Sendable { package init() {} }

extension Exchange {
    func answerFromCache() -> Bool { false }
}
struct ClientHelloScanner {
    struct Hello { var serverName: [UInt8] = [] }
    enum Result { case needMore, malformed, found(Hello) }
    mutating func scan(_ bytes: Span<UInt8>) -> Result { .found(Hello()) }
}
final class PROXYProtocolHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    init(worker: Worker, port: BoundPort, peer: SocketAddress?) {}
}
