/// Finds the name that was probably meant.
package enum NearestName {
    /// The candidate with the smallest edit distance to `name`, if it is near enough to be worth saying.
    /// Ties go to the candidate that comes first.
    package static func of(_ name: String, among candidates: some Sequence<String>) -> String? {
        let wanted = Array(name.lowercased().utf8.prefix(128))
        var best: (name: String, distance: Int)?
        for candidate in candidates {
            let other = Array(candidate.lowercased().utf8.prefix(128))
            let distance = distance(wanted, other)
            let allowed = max(1, max(wanted.count, other.count) * 2 / 5)
            guard distance <= allowed else { continue }
            if let current = best, current.distance <= distance { continue }
            best = (candidate, distance)
        }
        return best?.name
    }

    /// `did you mean "x"?`, or what is allowed when nothing is near.
    package static func hint(_ name: String, among candidates: [String], word: String = "allowed") -> String? {
        if let near = of(name, among: candidates) { return "did you mean \"\(near)\"?" }
        if candidates.isEmpty { return nil }
        let shown = candidates.prefix(16).joined(separator: ", ")
        return "\(word): \(shown)\(candidates.count > 16 ? ", …" : "")"
    }

    /// Edits (insert, delete, replace, swap of neighbours) from one to the other.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        if left.isEmpty { return right.count }
        if right.isEmpty { return left.count }
        var beforePrevious = [Int](repeating: 0, count: right.count + 1)
        var previous = Array(0...right.count)
        var current = previous
        for row in 1...left.count {
            current[0] = row
            for column in 1...right.count {
                let cost = left[row - 1] == right[column - 1] ? 0 : 1
                var least = min(previous[column] + 1, current[column - 1] + 1, previous[column - 1] + cost)
                if row > 1, column > 1, left[row - 1] == right[column - 2], left[row - 2] == right[column - 1] {
                    least = min(least, beforePrevious[column - 2] + 1)
                }
                current[column] = least
            }
            (beforePrevious, previous, current) = (previous, current, beforePrevious)
        }
        return previous[right.count]
    }
}
