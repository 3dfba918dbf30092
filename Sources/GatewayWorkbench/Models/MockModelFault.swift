/// Ways in which a provider fails, by name (`[[mock: fault=reset]]`, `sluice mock llm --faults`).
package enum MockModelFault: Sendable, Hashable {
    /// An error status in the dialect's shape, before anything was generated; 529 is `overloaded_error`.
    case status(Int)
    case named(Name)

    package enum Name: String, Sendable, CaseIterable {
        /// RST before any byte.
        case drop
        /// Takes the request and never answers.
        case silent
        /// RST in the middle of the answer.
        case reset
        /// Orderly close in the middle of the answer.
        case close
        /// Nothing more from the middle of the answer on.
        case stall
        /// The first byte comes late (`first-byte`, a second by default); nothing is wrong otherwise.
        case slow
        /// An error event in the middle of a stream; 500 where nothing is streamed.
        case errorEvent = "error-event"
        /// Bytes that are no JSON, with the right content type.
        case malformed
        /// JSON cut in half, in a message that ends in good order.
        case truncated
        /// The right bytes as `text/html`.
        case contentType = "content-type"
        /// All as it should be, without its usage.
        case noUsage = "no-usage"
        /// One event of some 300 KiB in the stream; a reply with as large an unknown field.
        case huge
        /// A stream without its `[DONE]` or `message_stop`.
        case noEnd = "no-end"
        /// 302 to somewhere else.
        case redirect
        /// 200 without a body.
        case empty
    }

    package init?(_ text: some StringProtocol) {
        if let status = Int(text) {
            guard (300..<600).contains(status) else { return nil }
            self = .status(status)
        } else {
            guard let name = Name(rawValue: String(text)) else { return nil }
            self = .named(name)
        }
    }
}

/// Lets a share of all calls fail, the same calls in every run with the same seed: which ones is decided by the
/// number of the call, in the order in which they arrive.
package struct MockModelFaultPlan: Sendable {
    package var percent = 0
    package var faults: [MockModelFault] = []
    package var seed: UInt64 = 0

    package init() {}

    func fault(call: Int) -> MockModelFault? {
        guard percent > 0, !faults.isEmpty else { return nil }
        var numbers = SeededNumbers(seed: seed ^ UInt64(call) &* 0xD134_2543_DE82_EF95)
        guard numbers.below(100) < percent else { return nil }
        return faults[numbers.below(faults.count)]
    }
}
