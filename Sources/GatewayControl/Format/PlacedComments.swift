import GatewayModel

/// The comments of a YAML text with their lines, handed out again while a tree is printed.
struct PlacedComments {
    struct Comment {
        var line: Int
        /// From `#` on.
        var text: String
        /// Whether something else stands before it on its line.
        var isBehind: Bool
    }

    private var pending: [Comment]
    let count: Int

    init(_ comments: [Comment]) {
        pending = comments
        count = comments.count
    }

    /// What stood above `line` or, alone, on lines before it, and the comment behind it.
    mutating func take(upTo line: Int) -> (above: [String], behind: String?) {
        let index = pending.firstIndex { $0.line > line || ($0.line == line && !$0.isBehind) } ?? pending.count
        let taken = pending.prefix(index)
        pending.removeFirst(index)
        var above: [String] = []
        var behind: String?
        for comment in taken {
            if comment.line == line, comment.isBehind { behind = comment.text } else { above.append(comment.text) }
        }
        return (above, behind)
    }

    /// What is left at the end of the document.
    mutating func takeRest() -> [String] {
        defer { pending = [] }
        return pending.map(\.text)
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
