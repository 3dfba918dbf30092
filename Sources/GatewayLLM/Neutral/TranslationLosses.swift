package import GatewayModel
package import GatewayWire

/// What a translation could not carry: for a response header, for the record, and for `strict`, which refuses it.
package struct TranslationLosses: Sendable {
    package enum Weight: Sendable, Equatable {
        /// The answer may differ.
        case meaning
        /// Only cost or speed may differ, as with a cache marker; `strict` lets it pass.
        case hint
    }

    package struct Loss: Sendable, Equatable {
        /// As in `messages[3].content[0].cache_control`.
        package var field: String
        /// The same without indices; one loss is kept for each.
        package var pattern: String
        package var reason: String
        package var weight: Weight
        /// How often it happened.
        package var count: Int
    }

    /// More kinds of loss than this are only counted.
    package static let lossesMax = 64
    package static let headerBytesMax = 512

    package private(set) var all: [Loss] = []
    package private(set) var unlistedCount = 0

    package init() {}

    package var isEmpty: Bool { all.isEmpty }

    package mutating func add(_ place: Place, _ reason: String, weight: Weight = .meaning) {
        add(field: place.path, pattern: place.pattern, reason, weight)
    }

    /// A field the client named.
    package mutating func add(_ place: Place, member name: JSONText, _ reason: String, weight: Weight = .meaning) {
        let name = TranslationLosses.printable(name.value)
        let isRoot = place.pattern == Place.body.pattern
        add(
            field: isRoot ? name : place.path + "." + name, pattern: isRoot ? name : place.pattern + "." + name,
            reason, weight)
    }

    private mutating func add(field: String, pattern: String, _ reason: String, _ weight: Weight) {
        if let index = all.firstIndex(where: { $0.pattern == pattern && $0.reason == reason }) {
            all[index].count += 1
        } else if all.count < TranslationLosses.lossesMax {
            all.append(Loss(field: field, pattern: pattern, reason: reason, weight: weight, count: 1))
        } else {
            unlistedCount += 1
        }
    }

    /// The fields lost, each once and without indices: `seed,messages[].content[].cache_control`. A value any header
    /// may have, of bounded length; nil when nothing was lost.
    package var header: String? {
        guard !all.isEmpty else { return nil }
        var text = ""
        var seen: [String] = []
        for loss in all where !seen.contains(loss.pattern) {
            seen.append(loss.pattern)
            guard text.utf8.count + loss.pattern.utf8.count + 4 <= TranslationLosses.headerBytesMax else {
                return text.isEmpty ? "..." : text + ",..."
            }
            text += text.isEmpty ? loss.pattern : "," + loss.pattern
        }
        return unlistedCount > 0 ? text + ",..." : text
    }

    /// One line a loss, for the record: `seed: Messages has no such field`.
    package var lines: [String] {
        all.map { $0.field + ": " + $0.reason + ($0.count > 1 ? " (\($0.count) times)" : "") }
    }

    /// Refuses what would change the answer.
    package func refuseMeaning() throws(GatewayError) {
        guard let loss = all.first(where: { $0.weight == .meaning }) else { return }
        throw GatewayError(
            .untranslatable, "the request cannot be carried whole to the model's provider: \(loss.field)",
            hint: "\(loss.reason); leave the field out, or ask for a model whose provider speaks your API")
    }

    /// A client's name for something, fit for a header and a log: visible ASCII apart from separators, at most 64.
    static func printable(_ name: String) -> String {
        var text = ""
        for byte in name.utf8.prefix(64) {
            let isFit = byte > 0x20 && byte < 0x7F && byte != UInt8(ascii: ",") && byte != UInt8(ascii: "\"")
            text.unicodeScalars.append(isFit ? Unicode.Scalar(byte) : "?")
        }
        return text.isEmpty ? "?" : text
    }
}
