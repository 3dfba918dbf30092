import GatewayModel
import GatewayWire

extension HTTP1Limits {
    /// The codec's share of the gateway's limits.
    init(_ limits: Limits) {
        self.init()
        requestLineBytesMax = limits.requestLineBytesMax
        headBytesMax = limits.headBytesMax
        fieldCountMax = limits.fieldCountMax
        trailerBytesMax = limits.trailerBytesMax
        chunkLineBytesMax = limits.chunkLineBytesMax
    }
}
