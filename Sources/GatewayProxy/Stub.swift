import GatewayModel
import GatewayWire
import NIOCore
import Synchronization
struct ClientHelloScanner {
    struct Hello { var serverName: [UInt8] = [] }
    enum Result { case needMore, malformed, found(Hello) }
    mutating func scan(_ bytes: Span<UInt8>) -> Result { .found(Hello()) }
}
