import GatewayModel
import GatewayState
import GatewayWire
import NIOCore

/// A page of a caller's list of files or batches. Providers list everyone's, so theirs are not asked: what the caller
/// has is remembered here, and each thing of a page is read by its id, one after the other. What is no more there is
/// forgotten.
final class ProviderList {
    static let limitMax = 100
    private static let limitUsual = 20
    /// So many things are read for one page at most.
    static let readsMax = 400

    let kind: ProviderObject.Kind
    private let limit: Int
    private let purpose: Substring?
    private let places: [String: FixedPlace]
    /// What is still to be read, in the order of the list.
    private var rest: ArraySlice<ProviderObject>
    private var reads = 0
    private var items: [[UInt8]] = []

    /// `all` in the order in which it was made. Throws for a limit that is none.
    init(
        _ kind: ProviderObject.Kind, query: String, of all: [ProviderObject], places: [String: FixedPlace],
        after: ProviderObject.Key?
    ) throws(GatewayError) {
        self.kind = kind
        self.places = places
        let pairs = query.split(separator: "&")
        func value(_ name: String) -> Substring? { pairs.first { $0.hasPrefix(name) }?.dropFirst(name.count) }
        purpose = value("purpose=")
        let ordered = value("order=") == "asc" ? all : all.reversed()
        rest = ordered.filter { places[$0.key.place] != nil }[...]
        if let after {
            rest = rest.drop { $0.key != after }
            guard !rest.isEmpty else {
                throw GatewayError(
                    .notFound, "what the page follows is not listed any more", hint: "begin the list anew")
            }
            rest = rest.dropFirst()
        }
        let said = value("limit=") ?? "\(ProviderList.limitUsual)"
        guard let limit = Int(said), limit > 0 else {
            throw GatewayError(
                .malformedRequest, "the limit of a list must be a whole number above 0: \(said.prefix(32))",
                hint: "at most \(ProviderList.limitMax)")
        }
        self.limit = min(limit, ProviderList.limitMax)
    }

    /// The id behind which a query's page begins.
    static func cursor(_ query: String) -> [UInt8]? {
        query.split(separator: "&").first { $0.hasPrefix("after=") }.map { Array($0.dropFirst("after=".count).utf8) }
    }

    /// What to read next; nil when the page is whole.
    var next: ProviderObject? { items.count < limit && reads < ProviderList.readsMax ? rest.first : nil }

    var place: FixedPlace? { next.flatMap { places[$0.key.place] } }

    /// How its provider is asked for it.
    var endpoint: ModelEndpoint? {
        next.map { .kept(kind == .file ? .file : .batch, id: Array($0.key.id.utf8)) }
    }

    /// Takes the next thing, as the client is shown it.
    func add(_ document: ByteBuffer) {
        let bytes = Array(document.readableBytesView)
        let isWanted = purpose.map { wanted in
            (try? JSONOutline(bytes.span))?.string("purpose", in: bytes.span) == String(wanted)
        }
        if isWanted ?? true { items.append(bytes) }
        skip()
    }

    /// The next thing is no more.
    func skip() {
        rest = rest.dropFirst()
        reads += 1
    }

    /// The list as the client gets it.
    var document: [UInt8] {
        var out = Array("{\"object\":\"list\",\"data\":[".utf8)
        for (index, item) in items.enumerated() {
            if index > 0 { out.append(0x2C) }
            out += item
        }
        out += Array("],\"first_id\":".utf8) + id(items.first) + Array(",\"last_id\":".utf8) + id(items.last)
        out += Array(",\"has_more\":\(!rest.isEmpty)}".utf8)
        return out
    }

    private func id(_ item: [UInt8]?) -> [UInt8] {
        guard let item, let outline = try? JSONOutline(item.span), let id = outline.member("id", in: item.span) else {
            return Array("null".utf8)
        }
        return Array(item[id.value])
    }
}
