/// Levenshtein's distance, for naming what a writer may have meant.
enum EditDistance {
    static func between(_ one: [UInt8], _ other: [UInt8]) -> Int {
        var row = Array(0...other.count)
        for (line, byte) in one.enumerated() {
            var diagonal = row[0]
            row[0] = line + 1
            for column in other.indices {
                let above = row[column + 1]
                let replaced = diagonal + (byte == other[column] ? 0 : 1)
                row[column + 1] = min(replaced, min(above, row[column]) + 1)
                diagonal = above
            }
        }
        return row[other.count]
    }
}
