/// Bounds of the HTTP/1.1 codec; the runtime fills them from `Limits`.
package struct HTTP1Limits: Sendable, Equatable {
    package var requestLineBytesMax = 8 * 1024
    package var headBytesMax = 32 * 1024
    package var fieldCountMax = 100
    package var trailerBytesMax = 8 * 1024
    /// The line with a chunk's size and extensions, without its CR LF.
    package var chunkLineBytesMax = 256
    /// All chunk extensions of one body together: they are dropped, so they buy an attacker only our time.
    package var chunkExtensionBytesMax = 4 * 1024

    package init() {}
    package static let standard = HTTP1Limits()
}
