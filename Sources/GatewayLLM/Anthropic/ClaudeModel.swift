/// What differs between Claude models within one API, told by the name. Old models are a closed list; a name not on it
/// is taken for a new one, and a name that is not Claude's for a server that accepts everything.
struct ClaudeModel {
    /// Major and minor: `(4, 5)`; nil for another vendor's model.
    private let version: (Int, Int)?

    /// `claude-sonnet-4-5-20250929`, `anthropic.claude-3-7-sonnet-20250219-v1:0`, `claude-opus-4@20250514`.
    init(name: String) {
        guard let start = name.range(of: "claude") else {
            version = nil
            return
        }
        // Numbers of one or two digits are versions, longer ones are dates.
        let words = name[start.upperBound...].split { !$0.isLetter && !$0.isNumber }
        var numbers: [Int] = []
        for word in words {
            guard word.utf8.count <= 2, let number = Int(word) else {
                if numbers.isEmpty { continue }
                break
            }
            numbers.append(number)
        }
        guard let major = numbers.first else {
            version = (99, 0)
            return
        }
        version = (major, numbers.count > 1 ? numbers[1] : 0)
    }

    var reasoning: TranslationOptions.Reasoning {
        guard let version else { return .budget }
        if version < (3, 7) { return .none }
        return version < (4, 6) ? .budget : .adaptive
    }

    var takesSystemTurns: Bool { version.map { $0 >= (4, 8) } ?? false }

    var takesBothSamplings: Bool { version.map { $0 < (4, 1) } ?? true }

    var enforcesSchemas: Bool { version.map { $0 >= (4, 1) } ?? true }

    /// Claude 4.7 and later refuse sampling parameters.
    var refusedFields: [String] {
        guard let version, version >= (4, 7) else { return [] }
        return ["temperature", "top_p", "top_k"]
    }
}

extension String {
    /// Where `word` first occurs.
    fileprivate func range(of word: String) -> Range<String.Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(word) { return start..<index(start, offsetBy: word.count) }
            start = index(after: start)
        }
        return nil
    }
}
