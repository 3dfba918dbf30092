import Synchronization

/// How often strangers may make the gateway ask for keys, over all issuers. Each issuer has its own cool-down beside
/// it, so that a flood of made-up keys for one neither reaches its server nor starves the others.
package final class KeyFetchBudget: Sendable {
    package static let windowSeconds = 10
    package static let fetchesMax = 16

    private let recent = Mutex<[Int]>([])

    package init() {}

    /// Whether one more may be made now; it is then counted.
    func take(nowSeconds: Int) -> Bool {
        recent.withLock { recent in
            recent.removeAll { $0 <= nowSeconds - KeyFetchBudget.windowSeconds || $0 > nowSeconds }
            guard recent.count < KeyFetchBudget.fetchesMax else { return false }
            recent.append(nowSeconds)
            return true
        }
    }
}
