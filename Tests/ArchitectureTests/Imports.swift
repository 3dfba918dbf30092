/// One import line.
struct Import: Equatable {
    var line: Int
    var access: String
    var module: String
}

extension SwiftSource {
    /// The import lines, with their access level (`internal` when none is written).
    var imports: [Import] {
        // attributes, an access level, `import`, a kind of declaration, the module
        let pattern =
            #/
            ^\s* (?:@\w+(?:\([^)]*\))?\s+)* (?:(public|package|internal|fileprivate|private)\s+)?
            import\s+ (?:(?:struct|class|enum|protocol|func|var|let|typealias)\s+)? ([A-Za-z_]\w*)
            /#
        return code.enumerated().compactMap { index, line in
            guard let match = line.firstMatch(of: pattern) else { return nil }
            return Import(line: index + 1, access: match.1.map(String.init) ?? "internal", module: String(match.2))
        }
    }
}

extension ImportTable {
    /// Imports the table does not allow.
    static func violations(in source: SwiftSource) -> [Finding] {
        guard let row = rows[source.target] else {
            return [Finding(path: source.path, line: 1, message: "target \(source.target) has no row in ImportTable")]
        }
        return source.imports.compactMap { line in
            let leaks = line.access == "package" || line.access == "public"
            let message: String
            if !row.rooms.contains(line.module), !row.others.contains(line.module) {
                message = "\(source.target) may not import \(line.module)"
            } else if leaks, !row.rooms.contains(line.module), !sharedModules.contains(line.module) {
                message = "types of \(line.module) may not appear in a package signature; import it plainly"
            } else {
                return nil
            }
            return Finding(path: source.path, line: line.line, message: message)
        }
    }

    /// Rooms that reach themselves again by the table's arrows.
    static func cycles(_ rows: [String: Row]) -> [String] {
        func reaches(_ goal: String, from room: String, _ seen: inout Set<String>) -> Bool {
            for next in rows[room]?.rooms ?? [] where next == goal || seen.insert(next).inserted {
                if next == goal || reaches(goal, from: next, &seen) { return true }
            }
            return false
        }
        return rows.keys.sorted().filter { room in
            var seen: Set<String> = []
            return reaches(room, from: room, &seen)
        }
    }

    /// The rooms each target may import by the table of the architecture page: rows of the form
    /// ``| `Target` | what it is | `Room` `Room` |``.
    static func documented(_ page: String) -> [String: Set<String>] {
        var table: [String: Set<String>] = [:]
        for line in page.split(separator: "\n") where line.hasPrefix("| `") {
            let cells = line.split(separator: "|").map { $0.trimmingPrefix(/\s+/) }
            guard cells.count >= 3, let name = cells[0].firstMatch(of: /`(\w+)`/)?.1 else { continue }
            guard ImportTable.rows[String(name)] != nil else { continue }
            table[String(name)] = Set(cells[2].matches(of: /`(\w+)`/).map { String($0.1) })
        }
        return table
    }
}
