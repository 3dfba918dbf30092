import Synchronization

/// Names and texts of a running scenario. `${name}` stands for a text; `$${` for the two characters.
final class ScenarioVariables: Sendable {
    private let values: Mutex<[String: String]>

    init(_ values: [String: String]) {
        self.values = Mutex(values)
    }

    func set(_ name: String, _ value: String) {
        values.withLock { $0[name] = value }
    }

    /// Throws the first name that has no text.
    func expand(_ text: String, index: Int) throws(ScenarioFault) -> String {
        guard text.utf8.contains(0x24) else { return text }
        var out = ""
        var rest = Substring(text)
        while let dollar = rest.firstIndex(of: "$") {
            out += rest[..<dollar]
            rest = rest[dollar...]
            if rest.hasPrefix("$${") {
                out += "${"
                rest = rest.dropFirst(3)
                continue
            }
            guard rest.hasPrefix("${"), let end = rest.firstIndex(of: "}") else {
                out += "$"
                rest = rest.dropFirst()
                continue
            }
            let name = String(rest[rest.index(rest.startIndex, offsetBy: 2)..<end])
            rest = rest[rest.index(after: end)...]
            if name == "index" {
                out += "\(index)"
            } else if let value = values.withLock({ $0[name] }) {
                out += value
            } else {
                throw ScenarioFault("no variable with the name \(name)")
            }
        }
        return out + rest
    }
}

/// Why a step did not pass.
struct ScenarioFault: Error {
    var message: String

    init(_ message: String) {
        self.message = message
    }
}
