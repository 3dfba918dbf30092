/// What differs between two texts, line by line, as `diff -u` shows it.
struct LineDiff {
    private struct Line {
        var mark: Character
        var text: Substring
        /// Numbers from 1 in the old and the new text.
        var old: Int
        var new: Int
    }

    private static let contextLines = 2
    private var lines: [Line] = []

    init(from old: String, to new: String) {
        let before = old.split(separator: "\n", omittingEmptySubsequences: false)
        let after = new.split(separator: "\n", omittingEmptySubsequences: false)
        var removed: Set<Int> = []
        var inserted: Set<Int> = []
        for change in after.difference(from: before) {
            switch change {
            case .remove(let offset, _, _): removed.insert(offset)
            case .insert(let offset, _, _): inserted.insert(offset)
            }
        }
        var (left, right) = (0, 0)
        while left < before.count || right < after.count {
            if left < before.count, removed.contains(left) {
                lines.append(Line(mark: "-", text: before[left], old: left + 1, new: right + 1))
                left += 1
            } else if right < after.count, inserted.contains(right) {
                lines.append(Line(mark: "+", text: after[right], old: left + 1, new: right + 1))
                right += 1
            } else if left < before.count {
                lines.append(Line(mark: " ", text: before[left], old: left + 1, new: right + 1))
                left += 1
                right += 1
            }
        }
    }

    func text(file: String) -> String { text(from: file, to: "\(file) (formatted)") }

    func text(from old: String, to new: String) -> String {
        let changed = lines.indices.filter { lines[$0].mark != " " }
        guard !changed.isEmpty else { return "" }
        var shown: Set<Int> = []
        for index in changed {
            shown.formUnion(max(0, index - Self.contextLines)...min(lines.count - 1, index + Self.contextLines))
        }
        var text = "--- \(old)\n+++ \(new)\n"
        var previous = -2
        for index in shown.sorted() {
            if index != previous + 1 { text += "@@ -\(lines[index].old) +\(lines[index].new) @@\n" }
            text += "\(lines[index].mark)\(lines[index].text)\n"
            previous = index
        }
        return text
    }
}
