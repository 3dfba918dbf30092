/// Every bound of the gateway in one place: each queue, buffer, head, body, depth and cache.
/// Units are last in the name. The defaults suit a public listener.
package struct Limits: Sendable, Equatable {
    // Heads
    package var requestLineBytesMax = 8 * 1024
    package var headBytesMax = 32 * 1024
    package var fieldCountMax = 100
    package var trailerBytesMax = 8 * 1024
    package var chunkLineBytesMax = 256
    // Bodies
    /// 0 means no bound; a TrafficPolicy may set one.
    package var bodyBytesMax: UInt64 = 0
    /// What a retry may hold back of a request body.
    package var replayBytesMax = 64 * 1024
    /// Bytes a peer may be ahead of its reader before reading stops.
    package var bufferBytesMax = 256 * 1024
    /// Answers being compressed at once on one event loop; each takes some 300 KiB. Others go as they are.
    package var compressionsPerLoopMax = 256
    // Connections
    package var connectionsPerLoopMax = 50_000
    package var requestsPerConnectionMax = 100_000_000
    package var headTimeoutMilliseconds = 10_000
    package var bodyIdleTimeoutMilliseconds = 60_000
    package var idleTimeoutMilliseconds = 300_000
    package var handshakeTimeoutMilliseconds = 10_000
    package var drainTimeoutMilliseconds = 30_000
    // HTTP/2
    package var streamsPerConnectionMax = 128
    package var streamWindowBytes = 256 * 1024
    package var connectionWindowBytes = 1024 * 1024
    package var resetsPerSecondMax = 200
    package var controlFramesPerSecondMax = 1_000
    // Upstreams
    package var connectTimeoutMilliseconds = 5_000
    package var upstreamIdleConnectionsMax = 1_024
    package var upstreamIdleTimeoutMilliseconds = 60_000
    package var upstreamPendingMax = 4_096
    // Tools
    /// Of all answers to one batch of JSON-RPC.
    package var batchAnswersBytesMax = 64 * 1024 * 1024
    /// What servers have said to calls that wait for their client: to those of one caller, and to all.
    package var waitingCallerBytesMax = 32 * 1024 * 1024
    package var waitingBytesMax = 256 * 1024 * 1024
    // Configuration
    package var configurationBytesMax = 64 * 1024 * 1024
    package var configurationDepthMax = 64

    package init() {}
    package static let standard = Limits()
}
