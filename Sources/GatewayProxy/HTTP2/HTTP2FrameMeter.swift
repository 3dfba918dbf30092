import GatewayModel

/// Reads along the headers of a peer's frames and charges them to its budget, before the library sees a byte. It
/// counts every frame, also those the library would silently ignore.
struct HTTP2FrameMeter {
    private var budget: HTTP2FrameBudget
    /// Bytes that are not a frame's header: the rest of the preface, then of each payload.
    private var skip: Int
    private var header: (UInt64, count: Int) = (0, 0)

    /// A client begins with 24 bytes that are no frame.
    init(budget: HTTP2FrameBudget, afterPreface: Bool) {
        self.budget = budget
        skip = afterPreface ? 24 : 0
    }

    /// Whether all frames that begin in these bytes are within the budget.
    mutating func admit(_ bytes: Span<UInt8>, now: UInt64) -> Bool {
        var position = 0
        while true {
            let passed = min(skip, bytes.count - position)
            skip -= passed
            position += passed
            // Length, type and flags are all that matters: five of the nine bytes.
            while header.count < 9 {
                guard position < bytes.count else { return true }
                if header.count < 5 { header.0 = header.0 << 8 | UInt64(bytes[position]) }
                header.count += 1
                position += 1
            }
            let (word, _) = header
            header = (0, 0)
            skip = Int(word >> 16)
            let (type, flags) = (UInt8(word >> 8 & 255), UInt8(word & 255))
            if !budget.admit(type: type, flags: flags, length: skip, now: now) { return false }
        }
    }

    mutating func spendReset(now: UInt64) -> Bool { budget.spendReset(now: now) }
    mutating func sentData() { budget.sentData() }
}
