import GatewayWire
import NIOCore

/// What a request that a cache rule covers means to the cache: its key, what was found, and the answer being
/// gathered for it. Made per such request; its end gives back what it reserved.
final class CachePlan {
    /// Why the request went on to a backend (RFC 9211 section 2.2).
    enum Forward: String {
        case bypass, request, stale, method
        case uriMiss = "uri-miss"
        case varyMiss = "vary-miss"
    }

    let store: ResponseStore
    let rule: CacheRule
    let key: [UInt8]
    let scope: [UInt8]
    /// The request's fields as the client sent them, before any edit.
    let fields: FieldBlock
    /// It shows who is calling, by whatever means.
    let isCredentialed: Bool
    var forward = Forward.uriMiss
    /// The answer may be kept, as far as the request goes.
    var mayStore = true

    private var verdict: CacheVerdict?
    private var head = ResponseHead()
    private var edits = HeaderEdits.none
    private var body = ByteBuffer()
    private var reservedBytes = 0

    init(rule: CacheRule, key: [UInt8], scope: [UInt8], fields: FieldBlock, isCredentialed: Bool) {
        store = rule.store
        self.rule = rule
        self.key = key
        self.scope = scope
        self.fields = fields
        self.isCredentialed = isCredentialed
    }

    deinit { store.release(reservedBytes) }

    var isGathering: Bool { verdict != nil }

    // MARK: Finding

    /// Whether a kept answer is one for this request. One that came to a caller without credentials, and does not say
    /// that they do not matter, is not shown to callers with any, and the other way round.
    func matches(_ stored: StoredResponse) -> Bool {
        guard stored.scope == scope, !isCredentialed || stored.verdict.isShared else { return false }
        for (name, value) in zip(stored.varies, stored.values) where fields.joined(name) != value { return false }
        return true
    }

    // MARK: Gathering

    /// Looks at the head of the answer, as the backend sent it; whether it will be kept if it comes whole.
    func begin(_ response: ResponseHead, edits: HeaderEdits, delaySeconds: Int) -> Bool {
        guard mayStore, var verdict = CacheVerdict(response, rule: rule, isCredentialed: isCredentialed) else {
            return false
        }
        if case .length(let length) = response.framing {
            guard length <= UInt64(rule.entryBytesMax) else { return false }
            guard reserve(Int(length)) else { return false }
            body.reserveCapacity(Int(length))
        }
        verdict.ageSeconds += delaySeconds
        self.verdict = verdict
        self.edits = edits
        head = response
        head.fields.remove(.age)
        return true
    }

    /// A copy of what passes by; the channel's buffers are not held.
    func gather(_ bytes: ByteBuffer) {
        guard verdict != nil else { return }
        let total = body.readableBytes + bytes.readableBytes
        guard total <= rule.entryBytesMax, total <= reservedBytes || reserve(total - reservedBytes) else {
            return abandon()
        }
        body.writeBytes(bytes.readableBytesView)
    }

    /// The answer is whole: it is kept.
    func finish(now: UInt64) {
        guard let verdict else { return }
        if case .length(let length) = head.framing, length != UInt64(body.readableBytes) { return abandon() }
        let varies = rule.varyOn + verdict.varies.filter { !rule.varyOn.contains($0) }
        head.framing = .length(UInt64(body.readableBytes))
        let stored = StoredResponse(
            scope: scope, varies: varies, values: varies.map { fields.joined($0) }, head: head, edits: edits,
            body: body, verdict: verdict, storedNanoseconds: now)
        if stored.byteCount <= rule.entryBytesMax + 16 * 1024 { store.insert(stored, for: key) }
        abandon()
    }

    func abandon() {
        verdict = nil
        body = ByteBuffer()
        store.release(reservedBytes)
        reservedBytes = 0
    }

    private func reserve(_ count: Int) -> Bool {
        guard store.reserve(count) else { return false }
        reservedBytes += count
        return true
    }
}

extension FieldBlock {
    /// All values of a field as one list, in order; empty when there is none. `,` ends each, so that no field and an
    /// empty one differ.
    func joined(_ name: [UInt8]) -> [UInt8] {
        var value: [UInt8] = []
        for index in entries.indices where equals(entries[index].name, name) {
            value.append(contentsOf: bytes[entries[index].value.range])
            value.append(UInt8(ascii: ","))
        }
        return value
    }
}
