/// Finds among many tools those that a few words are about: how often the words stand in name, title and description,
/// rare words counting more, in the name most (BM25 with weights). The same words always give the same order.
struct ToolRanking {
    /// The words of one tool, with their weights.
    struct Entry: Sendable {
        var counts: [String: Double] = [:]
        var length = 0.0

        /// `place` is what stands before its name where several servers are shown.
        init(name: String, title: String, description: String, place: String = "") {
            for (text, weight) in [(place, 4.0), (name, 4.0), (title, 2.0), (description, 1.0)] {
                for word in ToolRanking.words(text) {
                    counts[word, default: 0] += weight
                    length += weight
                }
            }
        }
    }

    private let entries: [Entry]
    private var spread: [String: Double] = [:]
    private static let wordsMax = 32
    private static let textBytesMax = 4 * 1024

    /// One for each tool, in order. What is not among them has no say in how rare a word is.
    init(_ entries: [Entry]) {
        self.entries = entries
        for entry in entries {
            for word in entry.counts.keys { spread[word, default: 0] += 1 }
        }
    }

    init(_ tools: [(name: String, title: String, description: String)]) {
        self.init(tools.map { Entry(name: $0.name, title: $0.title, description: $0.description) })
    }

    /// The places of the best, the best first; what has none of the words is not among them.
    func best(_ query: String, countMax: Int) -> [(index: Int, score: Double)] {
        let words = Array(Set(ToolRanking.words(query))).sorted().prefix(ToolRanking.wordsMax)
        let total = Double(entries.count)
        let mean = max(1, entries.reduce(0) { $0 + $1.length } / max(1, total))
        var scores: [(index: Int, score: Double)] = []
        for (index, entry) in entries.enumerated() {
            var score = 0.0
            for word in words {
                let count = entry.counts[word] ?? partly(word, entry)
                guard count > 0 else { continue }
                let rarity = 1 + total / (1 + (spread[word] ?? 1))
                let weight = ToolRanking.logarithm(rarity)
                score += weight * count * 2.2 / (count + 1.2 * (0.25 + 0.75 * entry.length / mean))
            }
            if score > 0 { scores.append((index, score)) }
        }
        scores.sort { $0.score != $1.score ? $0.score > $1.score : $0.index < $1.index }
        return Array(scores.prefix(countMax))
    }

    /// A word that begins another counts for a part.
    private func partly(_ word: String, _ entry: Entry) -> Double {
        guard word.utf8.count >= 3 else { return 0 }
        return entry.counts.filter { $0.key.hasPrefix(word) || word.hasPrefix($0.key) && $0.key.utf8.count >= 3 }
            .map(\.value).max().map { $0 / 2 } ?? 0
    }

    /// Lower-case words: letters and digits, parted where a capital letter begins one.
    static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var wasLower = false
        for character in text.utf8.count > textBytesMax ? text.prefix(textBytesMax / 4) : text[...] {
            let isPart = character.isLetter || character.isNumber
            if !word.isEmpty, !isPart || (character.isUppercase && wasLower) {
                words.append(word)
                word = ""
            }
            wasLower = character.isLowercase || character.isNumber
            if isPart { word += character.lowercased() }
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    /// The logarithm to base 2, to the accuracy that an order needs: exponent, and a parabola over the rest.
    private static func logarithm(_ value: Double) -> Double {
        let rest = value.significand - 1
        return Double(value.exponent) + rest * (1.3465 - 0.3465 * rest)
    }
}
