/// Bytes that must not be seen: they cannot be printed, logged, encoded or compared early-out.
package struct Secret: Sendable, CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    private let storage: [UInt8]

    package init(_ bytes: [UInt8]) { storage = bytes }
    package init(_ text: String) { storage = Array(text.utf8) }

    package var count: Int { storage.count }
    package var description: String { "[secret]" }
    package var debugDescription: String { "[secret]" }
    package var customMirror: Mirror { Mirror(self, children: []) }

    /// The bytes, for the one place that needs them (a handshake, an upstream header, a hash).
    package func reveal<Result>(_ body: ([UInt8]) throws -> Result) rethrows -> Result { try body(storage) }

    /// Compares in time that depends on the lengths only.
    package func matches(_ other: [UInt8]) -> Bool {
        guard other.count == storage.count else { return false }
        var difference: UInt8 = 0
        for index in storage.indices { difference |= storage[index] ^ other[index] }
        return difference == 0
    }
}
