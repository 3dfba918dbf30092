/// The layout of files as rules: each takes one file and says what is wrong with it.
enum TidyRules {
    static let sourceLinesMax = 400
    static let testLinesMax = 800
    static let columnsMax = 120
    static let functionLinesMax = 70
    static let fileBytesMax = 256 * 1024

    /// Files that may be longer, each with its reason. An entry that is no longer needed fails the tests.
    static let longFiles: [String: String] = [:]

    /// Files with longer lines, each with its reason.
    static let wideFiles: [String: String] = [:]

    static func length(_ file: TextFile) -> [String] {
        guard file.isSwift, longFiles[file.path] == nil else { return [] }
        let most = file.isTest ? testLinesMax : sourceLinesMax
        return file.lines.count > most ? ["\(file.path): \(file.lines.count) lines, at most \(most)"] : []
    }

    static func columns(_ file: TextFile) -> [String] {
        guard file.isSwift || file.path.hasSuffix(".py") || file.path.hasPrefix("scripts/") else { return [] }
        guard wideFiles[file.path] == nil else { return [] }
        return file.lines.enumerated().compactMap { index, line in
            line.utf8.count > columnsMax && line.count > columnsMax
                ? "\(file.path):\(index + 1): \(line.count) columns, at most \(columnsMax)" : nil
        }
    }

    static func whitespace(_ file: TextFile) -> [String] {
        guard file.isSwift else { return [] }
        return file.lines.enumerated().compactMap { index, line in
            line.utf8.last == 0x20 || line.utf8.contains(0x09)
                ? "\(file.path):\(index + 1): trailing space or tab" : nil
        }
    }

    // Put together so that this file does not find itself.
    private static let leftovers = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "not " + "implemented"]

    static func leftovers(_ file: TextFile) -> [String] {
        file.lines.enumerated().flatMap { index, line in
            leftovers.filter { holds($0, in: line) }.map { "\(file.path):\(index + 1): says \($0)" }
        }
    }

    /// Whether a line holds the words and not as part of a longer one.
    private static func holds(_ words: String, in line: Substring) -> Bool {
        guard line.holds(words) else { return false }
        return line.ranges(of: words).contains { range in
            let before = range.lowerBound > line.startIndex ? line[line.index(before: range.lowerBound)] : " "
            let after = range.upperBound < line.endIndex ? line[range.upperBound] : " "
            return !before.isLetter && !after.isLetter
        }
    }

    /// Names that say nothing, as a word of a file's or a type's name.
    static let emptyWords: Set<String> = [
        "Util", "Utils", "Utility", "Utilities", "Helper", "Helpers", "Manager", "Common", "Base", "Misc", "Stuff",
    ]

    /// Words of other vocabularies and ours for them (`Documentation/Vocabulary.md`).
    static let synonyms: [String: String] = [
        "Cluster": "Backend", "VirtualHost": "Route", "VHost": "Route", "Vendor": "Provider", "Caller": "Principal",
        "Frontend": "Listener", "Microservice": "Backend",
    ]

    private static let declarations = ["struct ", "class ", "enum ", "protocol ", "actor ", "typealias "]

    static func names(_ file: TextFile) -> [String] {
        guard file.isSwift else { return [] }
        let base = file.name.prefix { $0 != "." }
        var found = words(base).filter(emptyWords.contains).map { "\(file.path): a file named \($0)" }
        let declaration = /^\s*(?:\w+\s+)*(?:struct|class|enum|protocol|actor|typealias)\s+([A-Z]\w*)/
        for (index, line) in file.lines.enumerated() {
            guard declarations.contains(where: { line.holds($0) }) else { continue }
            guard let name = line.firstMatch(of: declaration)?.1 else { continue }
            let place = "\(file.path):\(index + 1): a type named \(name)"
            found += words(name).filter(emptyWords.contains).map { "\(place) (\($0) says nothing)" }
            if let better = synonyms[String(name)] { found.append("\(place), our word is \(better)") }
        }
        return found
    }

    /// The words of a camel-case name; digits belong to the word before them.
    static func words(_ name: Substring) -> [String] {
        name.matches(of: /[A-Z]+(?![a-z])\d*|[A-Z]?[a-z]+\d*/).map { String($0.0) }
    }

    static func forbiddenPath(_ path: String) -> [String] {
        let parts = path.split(separator: "/")
        let generated = [".build", ".swiftpm", ".sluice", "Package.resolved", ".venv", "__pycache__"]
        return generated.filter { parts.contains(Substring($0)) }.map { "\(path): \($0) does not belong in git" }
    }
}
