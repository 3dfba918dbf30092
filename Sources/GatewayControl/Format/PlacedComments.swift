import GatewayModel

/// The comments of a YAML text, each with the line of the node it belongs to, handed out again while a tree is printed.
struct PlacedComments {
    struct Comment {
        var line: Int
        /// From `#` on.
        var text: String
        /// Whether something else stands before it on its line.
        var isBehind: Bool
    }

    private var above: [Int: [String]] = [:]
    private var behind: [Int: String] = [:]
    private var rest: [String] = []

    /// A comment behind something belongs to its line; one above, to the next line where a node starts.
    init(_ comments: [Comment], documents: [ConfigNode]) {
        var starts: Set<Int> = []
        for document in documents { Self.collectLines(document, into: &starts) }
        let sorted = starts.sorted()
        for comment in comments {
            if comment.isBehind, starts.contains(comment.line) {
                behind[comment.line] = comment.text
            } else if let owner = sorted.first(where: { $0 > comment.line }) {
                above[owner, default: []].append(comment.text)
            } else {
                rest.append(comment.text)
            }
        }
    }

    /// Lines that a printed line will stand for: the ones of keys and of elements without keys.
    private static func collectLines(_ node: ConfigNode, into lines: inout Set<Int>) {
        for field in node.fields ?? [] {
            lines.insert(field.keyPosition.line)
            collectLines(field.value, into: &lines)
        }
        for element in node.elements ?? [] {
            if element.fields?.isEmpty ?? true { lines.insert(element.position.line) }
            collectLines(element, into: &lines)
        }
    }

    /// The comments above the first node of a document: they are about all of it, whatever comes first when printed.
    mutating func takeHeader(of document: ConfigNode) -> [String] {
        guard let line = document.fields?.first?.keyPosition.line ?? document.elements?.first?.position.line else {
            return []
        }
        return above.removeValue(forKey: line) ?? []
    }

    /// What belongs above a node's line and behind it; each is given once.
    mutating func take(at line: Int) -> (above: [String], behind: String?) {
        (above.removeValue(forKey: line) ?? [], behind.removeValue(forKey: line))
    }

    /// What is left at the end of the last document.
    mutating func takeRest() -> [String] {
        defer { rest = [] }
        return rest
    }

    /// Candidates: a `#` at a line's start or after a space, outside quotes as far as one line can tell.
    static func candidates(in lines: [Substring]) -> [Comment] {
        var found: [Comment] = []
        for (number, line) in lines.enumerated() {
            var quote: Character?
            var previous: Character = " "
            var isEscaped = false
            for index in line.indices {
                let character = line[index]
                if let open = quote {
                    if isEscaped {
                        isEscaped = false
                    } else if character == "\\", open == "\"" {
                        isEscaped = true
                    } else if character == open {
                        quote = nil
                    }
                } else if character == "#", previous == " " || previous == "\t" {
                    let before = line[..<index]
                    found.append(
                        Comment(
                            line: number + 1, text: String(line[index...]).trimmedEnd,
                            isBehind: before.contains { $0 != " " && $0 != "\t" }))
                    break
                } else if character == "\"" || character == "'", " [{,:-".contains(previous) {
                    quote = character
                }
                previous = character
            }
        }
        return found
    }
}

extension String {
    /// Without spaces, tabs and a carriage return at the end.
    var trimmedEnd: String {
        var copy = self
        while let last = copy.unicodeScalars.last, last == " " || last == "\t" || last == "\r" {
            copy.unicodeScalars.removeLast()
        }
        return copy
    }
}
