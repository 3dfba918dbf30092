/// Where a tile lies (C2SP tlog-tiles): `tile/<level>/<index>`, with `.p/<width>` behind it while it is not full. An
/// index is written in groups of three digits, all but the last with an `x` before them.
package enum TilePath {
    package static func of(level: Int, index: Int, width: Int = AuditTree.tileWidth) -> String {
        path("tile/\(level)", index, width)
    }

    /// A bundle of entries, by the same rule.
    package static func entries(index: Int, width: Int = AuditTree.tileWidth) -> String {
        path("tile/entries", index, width)
    }

    private static func path(_ folder: String, _ index: Int, _ width: Int) -> String {
        var groups = [digits(index % 1_000)]
        var rest = index / 1_000
        while rest > 0 {
            groups.append("x" + digits(rest % 1_000))
            rest /= 1_000
        }
        let name = "\(folder)/\(groups.reversed().joined(separator: "/"))"
        return width == AuditTree.tileWidth ? name : "\(name).p/\(width)"
    }

    private static func digits(_ value: Int) -> String {
        let text = String(value)
        return String(repeating: "0", count: 3 - text.count) + text
    }
}
