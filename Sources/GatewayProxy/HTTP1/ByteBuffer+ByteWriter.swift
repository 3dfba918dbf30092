package import GatewayWire
package import NIOCore

extension ByteBuffer {
    /// Appends what `body` writes, `bytesMax` bytes at most, straight into the buffer's memory.
    @inline(__always)
    package mutating func write(bytesMax: Int, _ body: (inout ByteWriter) -> Void) {
        // Safe: the writer checks every write against the memory's end, and does not outlive the closure.
        unsafe writeWithUnsafeMutableBytes(minimumWritableBytes: bytesMax) { memory in
            guard let base = memory.baseAddress else { return 0 }
            var writer = unsafe ByteWriter(base: base, limit: memory.count)
            body(&writer)
            return writer.count
        }
    }
}
