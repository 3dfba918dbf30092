import GatewayModel
import GatewayWire

/// Compression of answers on their way to the client, where policy, answer and client agree to it.
extension Exchange {
    private static let varyValue = Array("Accept-Encoding".utf8)
    private static let names: (gzip: [UInt8], zstd: [UInt8]) = (Array("gzip".utf8), Array("zstd".utf8))
    /// Said of the bytes as the backend sent them.
    private static let lostNames = ["accept-ranges", "content-digest", "repr-digest", "digest", "content-md5"]
        .map { Array($0.utf8) }

    /// Decides for the head in `response`, which is as the client will see it but for this.
    func compressResponse() {
        guard let rule = rule?.policy.compression else { return }
        let isHead = request.method == .head
        guard rule.covers(response, isHead: isHead) else { return }
        guard downstream.isClient, !request.fields.listContains(.cacheControl, "no-transform") else { return }
        // Said also to clients that do not take it: they must not be given another one's copy by a cache. So it is by
        // the answer to HEAD, which tells of the plain bytes.
        if !response.fields.listContains(.vary, "accept-encoding") {
            response.fields.append(.vary, Exchange.varyValue)
        }
        guard !isHead, let algorithm = AcceptEncoding(request.fields).choose(of: rule.algorithms),
            let transform = worker.compressions.take(algorithm, countMax: snapshot.limits.compressionsPerLoopMax)
        else { return }
        responseTransform = transform
        response.fields.append(.contentEncoding, algorithm == .gzip ? Exchange.names.gzip : Exchange.names.zstd)
        for name in Exchange.lostNames { response.fields.remove(named: name) }
        weakenETag()
    }

    /// Other bytes, same meaning (RFC 9110 section 8.8.1).
    private func weakenETag() {
        guard let index = response.fields.entries.firstIndex(where: { $0.known == .etag }) else { return }
        let value = response.fields.copy(response.fields.entries[index].value)
        guard value.first == UInt8(ascii: "\"") else { return }
        response.fields.entries[index].value = response.fields.store([0x57, 0x2F] + value)
    }

    /// The encoder of this exchange is free for another.
    func releaseTransform() {
        guard !responseTransform.isNone else { return }
        worker.compressions.giveBack(responseTransform)
        responseTransform = .none
    }
}

extension ResponseHead {
    /// The length of a body that is only spoken of.
    fileprivate var describedLength: UInt64? {
        fields.first(.contentLength).flatMap { UInt64(fields.text($0.value)) }
    }
}

extension CompressionRule {
    /// Whether an answer is one to be compressed, for a client that takes it.
    func covers(_ response: borrowing ResponseHead, isHead: Bool = false) -> Bool {
        switch response.status {
        case 204, 205, 206, 304: return false
        default: if response.status < 200 { return false }
        }
        switch response.framing {
        case .none:
            // The answer to HEAD describes a body that does not come.
            guard isHead else { return false }
            if let length = response.describedLength, length < UInt64(max(bytesMin, 1)) { return false }
        case .length(let length): if length < UInt64(max(bytesMin, 1)) { return false }
        case .chunked, .untilClose: break
        }
        guard !response.fields.contains(.contentEncoding), coversType(of: response),
            !response.fields.listContains(.cacheControl, "no-transform")
        else { return false }
        return true
    }

    private func coversType(of response: borrowing ResponseHead) -> Bool {
        guard let entry = response.fields.first(.contentType) else { return false }
        let bytes = response.fields.bytes.span
        var end = entry.value.range.lowerBound
        while end < entry.value.range.upperBound, bytes[end] != UInt8(ascii: ";"), bytes[end] != UInt8(ascii: " ") {
            end += 1
        }
        let type = entry.value.range.lowerBound..<end
        for pattern in patterns where pattern.covers(bytes, type) { return true }
        return false
    }

    /// A media type, or the start that a family of them shares.
    struct TypePattern: Sendable {
        private let text: [UInt8]
        private let isFamily: Bool

        init(_ type: String) {
            let bytes = Array(type.lowercased().utf8)
            isFamily = bytes.last == UInt8(ascii: "*")
            text = isFamily ? bytes.dropLast() : bytes
        }

        func covers(_ bytes: Span<UInt8>, _ type: Range<Int>) -> Bool {
            guard isFamily ? type.count >= text.count : type.count == text.count else { return false }
            for index in text.indices where FieldBlock.lowercased(bytes[type.lowerBound + index]) != text[index] {
                return false
            }
            return true
        }
    }
}

/// What a client says of content codings (RFC 9110 section 12.5.3): weights in thousandths, -1 for not mentioned.
struct AcceptEncoding {
    private(set) var gzip = -1
    private(set) var zstd = -1
    private(set) var identity = -1
    private var any = -1

    init(_ fields: borrowing FieldBlock) {
        for index in fields.entries.indices where fields.entries[index].known == .acceptEncoding {
            var list = FieldList(fields.entries[index].value.range)
            while let element = list.next(fields.bytes.span) { read(fields.bytes.span, element) }
        }
    }

    private mutating func read(_ bytes: Span<UInt8>, _ element: Range<Int>) {
        var end = element.lowerBound
        while end < element.upperBound, bytes[end] != UInt8(ascii: ";"), bytes[end] != UInt8(ascii: " ") { end += 1 }
        let name = element.lowerBound..<end
        let weight = QualityValue.thousandths(bytes, end..<element.upperBound)
        if FieldBlock.matches(bytes, name, "gzip") || FieldBlock.matches(bytes, name, "x-gzip") {
            gzip = max(gzip, weight)
        } else if FieldBlock.matches(bytes, name, "zstd") {
            zstd = max(zstd, weight)
        } else if FieldBlock.matches(bytes, name, "identity") {
            identity = max(identity, weight)
        } else if FieldBlock.matches(bytes, name, "*") {
            any = max(any, weight)
        }
    }

    /// The one the client likes best, among equals the first of `algorithms`; nil when it wants none of them, or
    /// rather the plain bytes.
    func choose(of algorithms: [CompressionRule.Algorithm]) -> CompressionRule.Algorithm? {
        var best: CompressionRule.Algorithm?
        var bestWeight = 0
        for algorithm in algorithms {
            let named = algorithm == .gzip ? gzip : zstd
            let weight = named >= 0 ? named : any
            if weight > bestWeight { (best, bestWeight) = (algorithm, weight) }
        }
        return identity > bestWeight ? nil : best
    }
}

/// The weight of a list element (RFC 9110 section 12.4.2).
enum QualityValue {
    /// Of the parameters in `range`, in thousandths; 1000 without one, 0 for one that is malformed.
    static func thousandths(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        var index = range.lowerBound
        while index < range.upperBound {
            while index < range.upperBound, bytes[index] == 0x3B || bytes[index] == 0x20 || bytes[index] == 0x09 {
                index += 1
            }
            var end = index
            while end < range.upperBound, bytes[end] != 0x3B { end += 1 }
            if end - index >= 2, bytes[index] | 0x20 == 0x71, bytes[index + 1] == 0x3D {
                return number(bytes, (index + 2)..<end)
            }
            index = end
        }
        return 1000
    }

    private static func number(_ bytes: Span<UInt8>, _ range: Range<Int>) -> Int {
        var end = range.upperBound
        while end > range.lowerBound, bytes[end - 1] == 0x20 || bytes[end - 1] == 0x09 { end -= 1 }
        guard end > range.lowerBound, end - range.lowerBound <= 5 else { return 0 }
        let first = bytes[range.lowerBound]
        guard first == 0x30 || first == 0x31 else { return 0 }
        var value = first == 0x31 ? 1000 : 0
        guard end - range.lowerBound > 1 else { return value }
        guard bytes[range.lowerBound + 1] == 0x2E else { return 0 }
        var place = 100
        for index in (range.lowerBound + 2)..<end {
            guard bytes[index] &- 0x30 < 10 else { return 0 }
            value += Int(bytes[index] - 0x30) * place
            place /= 10
        }
        return min(value, 1000)
    }
}
