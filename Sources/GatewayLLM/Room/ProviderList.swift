import GatewayModel
import GatewayState
import GatewayWire
import NIOCore

/// A caller's list of files or batches. Its providers list everyone's: their pages are read one after the other, and of
/// each only what is the caller's own is kept, until there is a page of that. Places follow one another in the list.
final class ProviderList {
    /// Pages of providers that are read for one page of a caller.
    static let pagesMax = 100
    /// Of a caller's page, and of a provider's: so much is looked through at once.
    private static let filesOfPageMax = 10_000
    private static let filesAtOnce = 1_000
    private static let batchesOfPageMax = 100

    /// A place where the caller has something.
    struct Source {
        var marks: ProviderMarks
        var own: Set<String>
    }

    private let kind: ProviderObject.Kind
    private let limit: Int
    /// `order` and `purpose`, as they came.
    private let passed: [Substring]
    private var sources: ArraySlice<Source>
    /// Where the provider's next page begins; nil for its first.
    private var after: String?
    private var seen = 0
    private var pages = 0
    private var items: [[UInt8]] = []
    private var hasMore = false
    private var isFull = false

    /// Throws for a limit that is none.
    init(_ kind: ProviderObject.Kind, query: String, sources: [Source]) throws(GatewayError) {
        self.kind = kind
        self.sources = sources[...]
        let pairs = query.split(separator: "&")
        passed = pairs.filter { $0.hasPrefix("order=") || $0.hasPrefix("purpose=") }
        let most = kind == .file ? ProviderList.filesOfPageMax : ProviderList.batchesOfPageMax
        let usual = kind == .file ? most : 20
        guard let said = pairs.first(where: { $0.hasPrefix("limit=") })?.dropFirst("limit=".count) else {
            limit = usual
            return
        }
        guard let limit = Int(said), limit > 0 else {
            throw GatewayError(
                .malformedRequest, "the limit of a list must be a whole number above 0: \(said.prefix(32))",
                hint: "at most \(most)")
        }
        self.limit = min(limit, most)
    }

    /// The id behind which a query's page begins.
    static func cursor(_ query: String) -> [UInt8]? {
        query.split(separator: "&").first { $0.hasPrefix("after=") }.map { Array($0.dropFirst("after=".count).utf8) }
    }

    /// Begins behind the provider's own id of something at a place.
    func begin(at place: String, after id: String) {
        sources = sources.drop { $0.marks.place.name != place }
        after = id
    }

    /// Where to ask next; nil when the list is whole.
    var place: FixedPlace? { isFull ? nil : sources.first?.marks.place }

    /// What to ask there.
    var query: [UInt8] {
        // Few of a page may be the caller's own.
        let pageMax = kind == .file ? ProviderList.filesAtOnce : ProviderList.batchesOfPageMax
        let parts = ["limit=\(pageMax)"] + (after.map { ["after=\($0)"] } ?? []) + passed.map(String.init)
        return Array(parts.joined(separator: "&").utf8)
    }

    /// Takes a provider's page. Throws for what is none.
    func add(_ page: ByteBuffer) throws(GatewayError) {
        guard let source = sources.first, let tree = try? JSONTree.parse(page.readableBytesUInt8Span),
            case .object(let object) = tree, case .array(let data) = object["data"]
        else { throw ProviderList.unreadable }
        pages += 1
        for element in data {
            guard let item = source.marks.marked(element: element, among: source.own) else { continue }
            guard items.count < limit else {
                (isFull, hasMore) = (true, true)
                return
            }
            items.append(item)
            seen += 1
        }
        guard object["has_more"] == .bool(true), seen < source.own.count,
            case .object(let last)? = data.last, case .string(let id) = last["id"]
        else { return nextPlace() }
        guard after != id.value else { throw ProviderList.unreadable }
        after = id.value
        guard pages >= ProviderList.pagesMax else { return }
        guard !items.isEmpty else {
            throw GatewayError(
                .upstreamProtocolError, "the provider keeps more than can be looked through for yours",
                hint: "ask for one by its id")
        }
        (isFull, hasMore) = (true, true)
    }

    private func nextPlace() {
        sources = sources.dropFirst()
        (after, seen) = (nil, 0)
        // The next one has at least one, which is not seen before it is asked.
        if items.count >= limit { (isFull, hasMore) = (true, !sources.isEmpty) }
    }

    /// The list as the client gets it.
    var document: [UInt8] {
        var out = Array("{\"object\":\"list\",\"data\":[".utf8)
        for (index, item) in items.enumerated() {
            if index > 0 { out.append(0x2C) }
            out += item
        }
        out += Array("],\"first_id\":".utf8) + id(items.first) + Array(",\"last_id\":".utf8) + id(items.last)
        out += Array(",\"has_more\":\(hasMore)}".utf8)
        return out
    }

    private func id(_ item: [UInt8]?) -> [UInt8] {
        guard let item, let outline = try? JSONOutline(item.span), let id = outline.member("id", in: item.span) else {
            return Array("null".utf8)
        }
        return Array(item[id.value])
    }

    private static let unreadable = GatewayError(.upstreamProtocolError, "the provider's list cannot be read")
}
