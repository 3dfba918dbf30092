import GatewayPolicy
import GatewayWire

/// Makes secrets unreadable in results: in every string, so that text and structured content say the same, and in names
/// of members too. Deterministic: the same text always becomes the same.
struct ResultRedaction {
    let terms: ToolTerms
    private(set) var count = 0

    init(_ terms: ToolTerms) { self.terms = terms }

    static let mask = "[redacted]"

    // MARK: Looking

    /// Whether there may be something to hide: nearly always there is not, and nothing has to be made anew.
    func mayHide(_ tree: JSONTree) -> Bool {
        // Words of a policy may be anywhere.
        guard terms.words.isEmpty else { return true }
        return switch tree {
        case .string(let text): mayHide(text)
        case .array(let elements): elements.contains { mayHide($0) }
        case .object(let object): object.members.contains { mayHide($0.name) || mayHide($0.value) }
        default: false
        }
    }

    /// The same of a JSON text as it is written.
    func mayHide(written json: Span<UInt8>) -> Bool { !terms.words.isEmpty || ResultRedaction.mayHide(json) }

    private func mayHide(_ text: JSONText) -> Bool {
        // An escape can hide a word.
        ResultRedaction.mayHide((text.isPlain ? text.escaped : text.value).utf8Span.span)
    }

    /// The same places as `hideSecrets` and `privateKeyStart` look at. Few pairs of bytes begin any of them.
    private static func mayHide(_ bytes: Span<UInt8>) -> Bool {
        // What the byte before may begin.
        var begun: UInt16 = 0
        for index in bytes.indices {
            let place = places[Int(bytes[index])]
            if begun & place != 0, begins(bytes, index - 1) { return true }
            begun = place &>> 8
        }
        return false
    }

    /// Whether something that is hidden begins here. A block in PEM does so whatever stands before, an escaped letter
    /// may, and what stands behind another escape (`\n`) has no letter before it.
    private static func begins(_ bytes: Span<UInt8>, _ index: Int) -> Bool {
        guard
            bytes[index] == keyBegin[0] || bytes[index] == escape || index == 0
                || !isAlphanumeric(bytes[index - 1]) || index > 1 && bytes[index - 2] == escape
        else { return false }
        let rest = bytes.extracting(index..<min(index + secretHeadBytes, bytes.count))
        return heads.contains { $0.span.isPrefix(of: rest) }
    }

    /// By the byte, one bit for each of eight groups of heads: among the low eight where it is second in one of the
    /// group, among the high eight where it is first. Two bytes that share a bit may begin one.
    private static let places: InlineArray<256, UInt16> = {
        var places = InlineArray<256, UInt16>(repeating: 0)
        for head in heads {
            let bit: UInt16 = 1 << UInt16(head[0] & 7)
            places[Int(head[0])] |= bit << 8
            places[Int(head[1])] |= bit
        }
        return places
    }()

    // MARK: Hiding

    mutating func redacted(_ tree: JSONTree) -> JSONTree {
        switch tree {
        case .string(let text):
            // An escape can hide a word.
            let value = text.value
            let clean = redacted(value)
            return clean == value ? tree : .text(clean)
        case .array(let elements): return .array(elements.map { redacted($0) })
        case .object(let object): return .object(redacted(object))
        case .number(let number):
            guard isListed(Array(number.text.utf8)[...]) else { return tree }
            count += 1
            return .text(ResultRedaction.mask)
        default: return tree
        }
    }

    /// Two names of which the same is left stay two: of several members of one name only the last one's value counts.
    private mutating func redacted(_ object: JSONObject) -> JSONObject {
        var members: [JSONObject.Member] = []
        members.reserveCapacity(object.members.count)
        var hidden: [Int] = []
        for (index, member) in object.members.enumerated() {
            let before = count
            let name = redacted(member.name.value)
            if count > before { hidden.append(index) }
            members.append(JSONObject.Member(name: JSONText(name), value: redacted(member.value)))
        }
        guard !hidden.isEmpty else { return JSONObject(members) }
        let places = Set(hidden)
        var names = Set(members.indices.filter { !places.contains($0) }.map { members[$0].name.value })
        var numbers: [String: Int] = [:]
        for index in hidden {
            let name = members[index].name.value
            var distinct = name
            while !names.insert(distinct).inserted {
                numbers[name, default: 1] += 1
                distinct = "\(name) (\(numbers[name, default: 1]))"
            }
            members[index].name = JSONText(distinct)
        }
        return JSONObject(members)
    }

    mutating func redacted(_ text: String) -> String {
        let before = count
        let bytes = Array(text.utf8)
        var out: [UInt8] = []
        var index = 0
        while index < bytes.count {
            let start = index
            while index < bytes.count, ResultRedaction.isWordByte(bytes[index]) { index += 1 }
            let word = bytes[start..<index]
            // A block in PEM has lines and may begin in the middle of what looks like a word.
            let block = terms.hidesSecrets ? ResultRedaction.privateKeyStart(bytes, start..<index) : nil
            if isListed(word) {
                hide(&out)
            } else if let block, let end = ResultRedaction.privateKeyEnd(bytes, block) {
                hideSecrets(bytes[start..<block], &out)
                hide(&out)
                index = end
                continue
            } else {
                hideSecrets(word, &out)
            }
            guard index < bytes.count else { break }
            out.append(bytes[index])
            index += 1
        }
        return count > before ? String(decoding: out, as: UTF8.self) : text
    }

    private mutating func hide(_ out: inout [UInt8]) {
        count += 1
        out.append(contentsOf: ResultRedaction.mask.utf8)
    }

    /// Whether the policy lists the word.
    private func isListed(_ word: ArraySlice<UInt8>) -> Bool {
        guard !terms.words.isEmpty, !word.isEmpty, word.count <= 4096 else { return false }
        let bytes = Array(word)
        return terms.words.contains { $0.matches(bytes.span) }
    }

    /// Secrets are known by how they begin, wherever no letter or digit stands before: `key.AKIA…` and `“ghp_…”` have
    /// one as well. What is hidden goes on to the end of its characters.
    private mutating func hideSecrets(_ word: ArraySlice<UInt8>, _ out: inout [UInt8]) {
        guard terms.hidesSecrets, word.count >= ResultRedaction.secretBytesMin else {
            return out.append(contentsOf: word)
        }
        var (index, kept) = (word.startIndex, word.startIndex)
        // Where the characters in ASCII end that begin before `index`, and how many dots are left of them: found once
        // for all that may begin among them, of which a server can make as many as it likes.
        var (end, dots) = (index, 0)
        while index < word.endIndex {
            if index == end {
                while end < word.endIndex, word[end] < 0x80 {
                    if word[end] == ResultRedaction.dot { dots += 1 }
                    end += 1
                }
                guard index < end else {
                    (index, end) = (index + 1, end + 1)
                    continue
                }
            }
            let isStart = index == word.startIndex || !ResultRedaction.isAlphanumeric(word[index - 1])
            if isStart, ResultRedaction.isSecret(word[index..<end], dots: dots) {
                out.append(contentsOf: word[kept..<index])
                hide(&out)
                (index, kept, dots) = (end, end, 0)
                continue
            }
            if word[index] == ResultRedaction.dot { dots -= 1 }
            index += 1
        }
        out.append(contentsOf: word[kept...])
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }

    /// What keys, tokens and addresses are made of. A key in a URL's query is a word of its own, since `=` and `&` are
    /// none of these.
    private static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        case 0x2D, 0x5F, 0x2E, 0x40, 0x2B, 0x80...: true
        default: false
        }
    }

    // MARK: Secrets by their form

    private static let forms: [(prefix: [UInt8], countMin: Int)] = [
        ("AKIA", 20), ("ASIA", 20), ("ghp_", 36), ("gho_", 36), ("ghu_", 36), ("ghs_", 36), ("ghr_", 36),
        ("github_pat_", 40), ("glpat-", 20), ("sk-", 20), ("sk_live_", 20), ("rk_live_", 20), ("xoxb-", 20),
        ("xoxp-", 20), ("xoxa-", 20), ("xoxs-", 20), ("xapp-", 20), ("AIza", 35), ("ya29.", 30), ("npm_", 36),
        ("pypi-", 40), ("dop_v1_", 40), ("SG.", 40), ("hf_", 30), ("sluice_", 24), ("slk_", 24),
    ].map { (Array($0.0.utf8), $0.1) }

    /// How whatever is hidden begins; an escaped letter may be one of its letters.
    private static let heads: [[UInt8]] = forms.map(\.prefix) + [jsonTokenHead, keyBegin, [escape, 0x75]]
    private static let escape: UInt8 = 0x5C
    private static let secretHeadBytes = heads.map(\.count).max() ?? 0
    private static let jsonTokenHead: [UInt8] = Array("eyJ".utf8)
    private static let secretBytesMin = 16
    /// By the byte, whether some form begins with it.
    private static let firstBytes: [Bool] = {
        var table = [Bool](repeating: false, count: 256)
        for form in forms { table[Int(form.prefix[0])] = true }
        // A JSON web token.
        table[0x65] = true
        return table
    }()

    /// Looks at no more than how the word begins: it may be as long as a result, and is looked at wherever in it a
    /// secret could begin.
    private static func isSecret(_ word: ArraySlice<UInt8>, dots: Int) -> Bool {
        guard word.count >= secretBytesMin, let first = word.first, firstBytes[Int(first)] else { return false }
        if forms.contains(where: { word.count >= $0.countMin && word.starts(with: $0.prefix) }) { return true }
        // A JSON web token: three parts or more, the first two of which begin as an object in base64 does; a sentence
        // may end behind it.
        return dots >= 2 && word.count >= 40 && word.starts(with: jsonTokenHead)
    }

    private static let dot: UInt8 = 0x2E

    private static let keyBegin = Array("-----BEGIN ".utf8)

    /// Where in a word the first line of a block in PEM begins: its dashes are the word's end, since a space follows.
    private static func privateKeyStart(_ bytes: [UInt8], _ word: Range<Int>) -> Int? {
        let start = word.upperBound - (keyBegin.count - 1)
        guard start >= word.lowerBound, bytes[start...].starts(with: keyBegin) else { return nil }
        return start
    }

    /// Behind the private key in PEM that begins here; a block that never ends is one to its end.
    private static func privateKeyEnd(_ bytes: [UInt8], _ start: Int) -> Int? {
        let head = bytes[start..<min(bytes.count, start + 64)]
        guard head.containsText("PRIVATE KEY-----") else { return nil }
        let end = Array("-----END ".utf8)
        var index = start + keyBegin.count
        while index + end.count <= bytes.count {
            if bytes[index] == 0x2D, bytes[index...].starts(with: end) {
                var stop = index + end.count
                while stop < bytes.count, bytes[stop] != 0x2D { stop += 1 }
                while stop < bytes.count, bytes[stop] == 0x2D { stop += 1 }
                return stop
            }
            index += 1
        }
        return bytes.count
    }
}

extension ArraySlice<UInt8> {
    fileprivate func containsText(_ text: String) -> Bool {
        let wanted = Array(text.utf8)
        guard count >= wanted.count else { return false }
        for start in startIndex...(endIndex - wanted.count) where self[start...].starts(with: wanted) { return true }
        return false
    }
}

extension Span<UInt8> {
    fileprivate func isPrefix(of other: Span<UInt8>) -> Bool {
        count <= other.count && indices.allSatisfy { self[$0] == other[$0] }
    }
}
