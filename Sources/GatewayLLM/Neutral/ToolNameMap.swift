package import GatewayWire

/// Tool names as the provider may take them, one to one with the client's. Most need no change; one with other
/// characters or too long becomes its fitting beginning and a hash of the whole, the same in every request, so that
/// the provider's prompt cache still matches.
package struct ToolNameMap: Sendable {
    private let lengthMax: Int
    /// Only names that were changed, by either side's name.
    private var sent: [JSONText: JSONText] = [:]
    private var received: [JSONText: JSONText] = [:]

    /// `lengthMax` is the provider's limit; its characters are those of `[a-zA-Z0-9_-]`.
    init(lengthMax: Int) { self.lengthMax = lengthMax }

    /// Every name of the request is offered once before any is sent.
    init(_ names: [JSONText], lengthMax: Int) {
        self.lengthMax = lengthMax
        let all = Set(names)
        for name in names where sent[name] == nil && !ToolNameMap.fits(name, lengthMax) {
            var salt: UInt64 = 0
            var candidate = ToolNameMap.shortened(name, lengthMax, salt)
            while all.contains(candidate) || received[candidate] != nil {
                salt += 1
                candidate = ToolNameMap.shortened(name, lengthMax, salt)
            }
            sent[name] = candidate
            received[candidate] = name
        }
    }

    /// The client's `name` as the provider knows it.
    package func outgoing(_ name: JSONText) -> JSONText { sent[name] ?? name }

    /// The provider's `name` as the client knows it.
    package func incoming(_ name: JSONText) -> JSONText { received[name] ?? name }

    static func fits(_ name: JSONText, _ lengthMax: Int) -> Bool {
        !name.isEmpty && name.byteCount <= lengthMax && name.escaped.utf8.allSatisfy(isFit)
    }

    /// `id` if the provider's rule allows it, otherwise one that does; the same for a call and its result.
    static func fitting(id: JSONText, _ lengthMax: Int) -> JSONText {
        fits(id, lengthMax) ? id : shortened(id, lengthMax, 0)
    }

    private static func isFit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A, UInt8(ascii: "_"), UInt8(ascii: "-"): true
        default: false
        }
    }

    private static func shortened(_ name: JSONText, _ lengthMax: Int, _ salt: UInt64) -> JSONText {
        let value = name.value
        let hash = Hash64.of(value.utf8Span.span, seed: salt)
        var bytes: [UInt8] = []
        for byte in value.utf8.prefix(lengthMax - 17) { bytes.append(isFit(byte) ? byte : UInt8(ascii: "_")) }
        bytes.append(UInt8(ascii: "_"))
        for shift in stride(from: 60, through: 0, by: -4) {
            let digit = UInt8(truncatingIfNeeded: hash >> UInt64(shift) & 0xF)
            bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
        }
        return JSONText(String(decoding: bytes, as: UTF8.self))
    }
}
