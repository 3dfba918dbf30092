import GatewayModel
import GatewayPolicy
import GatewayState
import GatewayWire
import Synchronization

/// How a batch stands, by what its provider tells of it.
enum BatchEnd: Equatable {
    case open
    /// The tokens that it used.
    case used(TokenUsage)
    /// Nobody says what it used.
    case unknown

    init(_ span: Span<UInt8>, _ outline: JSONOutline) {
        let status = outline.string("status", in: span, bytesMax: 32) ?? ""
        guard ["completed", "failed", "expired", "cancelled"].contains(status) else {
            self = .open
            return
        }
        if let usage = outline.member("usage", in: span), usage.kind == .object,
            // Of many calls together.
            let read = UsageReader.readOpenAI(span.extracting(usage.value), countMax: TokenUsage.countMax).usage
        {
            self = .used(read)
            return
        }
        // What was not begun costs nothing.
        var counts = JSONOutline()
        if let member = outline.member("request_counts", in: span), member.kind == .object,
            (try? counts.read(span, range: member.value)) != nil, counts.integer("completed", in: span) == 0
        {
            self = .used(.zero)
        } else {
            self = status == "failed" ? .used(.zero) : .unknown
        }
    }
}

/// A batch that is under way: what its lines may come to at most stays reserved until its provider says what they came
/// to. One that is dropped is charged as reserved; so is one that is under way when the gateway ends.
final class OpenBatch: Sendable {
    private let reservation: Mutex<Reservation?>
    private let row: UsageRow
    private let price: PriceTable?

    init(_ reservation: consuming Reservation, row: UsageRow, price: PriceTable?) {
        self.reservation = Mutex(consume reservation)
        self.row = row
        self.price = price
    }

    func settle(_ usage: TokenUsage, nowMilliseconds: Int) {
        var row = row
        row.timeMilliseconds = nowMilliseconds
        row.usage = usage
        row.cost = price?.cost(of: usage) ?? .zero
        reservation.withLock { $0.take() }?.settle(row, nowMilliseconds: nowMilliseconds)
    }

    /// It was not made.
    func release(nowMilliseconds: Int) {
        reservation.withLock { $0.take() }?.release(nowMilliseconds: nowMilliseconds)
    }
}

/// All of them.
final class OpenBatches: Sendable {
    /// More are charged as reserved at once.
    static let countMax = 10_000

    private let open = Mutex<[ProviderObject.Key: OpenBatch]>([:])

    func begin(_ key: ProviderObject.Key, _ batch: OpenBatch) {
        // What has no place is dropped, and so charged.
        _ = open.withLock { open in
            guard open.count < OpenBatches.countMax else { return nil as OpenBatch? }
            return open.updateValue(batch, forKey: key)
        }
    }

    func end(_ key: ProviderObject.Key, _ end: BatchEnd, nowMilliseconds: Int) {
        let batch = open.withLock { $0.removeValue(forKey: key) }
        if case .used(let usage) = end { batch?.settle(usage, nowMilliseconds: nowMilliseconds) }
    }
}
