/// Constructs that may not appear, or only in some rooms (STYLE, habits 4 to 7).
enum ForbiddenConstructs {
    /// Where a task may be started: everywhere else a request stays on its event loop. Identity asks issuers by them,
    /// beside the request, which waits on its loop.
    static let taskRooms = actorRooms.union(["GatewayIdentity"])
    /// Where an actor may live: away from the request path.
    static let actorRooms: Set<String> = ["GatewayRuntime", "GatewayControl", "GatewayWorkbench", "sluice"]

    static func violations(in source: SwiftSource) -> [Finding] {
        // `init?`, `?` and `!=` are fine; swift-format's rules find the force unwraps themselves.
        var found = source.findings(Regex(/\bpublic\b/), "public: `package` is the widest access")
        found += source.findings(Regex(/\bopen\s+(class|func|var)\b/), "open: `package` is the widest access")
        found += source.findings(Regex(/\btry!/), "try!")
        found += source.findings(Regex(/\bas!/), "as!")
        found += source.findings(
            Regex(/\bfatalError\s*\(/), "fatalError: throw a GatewayError, or state a precondition")
        if !taskRooms.contains(source.target) {
            let message = "a task outside \(taskRooms.sorted().joined(separator: ", "))"
            found += source.findings(
                Regex(/\bTask\s*(<[^>]*>)?\s*(\.detached|\.immediate)?\s*(\([^)]*\))?\s*\{/), message)
        }
        if !actorRooms.contains(source.target) {
            let message = "an actor outside \(actorRooms.sorted().joined(separator: ", "))"
            found += source.findings(Regex(/^\s*(\w+\s+)*actor\s+\w+/), message)
        }
        return found + withoutProof(source)
    }

    /// Promises the compiler cannot check need a reason in a comment directly above.
    private static func withoutProof(_ source: SwiftSource) -> [Finding] {
        let pattern = /@unchecked\s+Sendable|nonisolated\(unsafe\)/
        return source.code.indices.compactMap { index in
            guard let match = source.code[index].firstMatch(of: pattern), !hasProof(source, above: index) else {
                return nil
            }
            let message = "\(match.0) without a comment directly above that says why it is safe"
            return Finding(path: source.path, line: index + 1, message: message)
        }
    }

    /// Whether the comment above a line (attributes between are fine) is one that argues: a plain `//` comment,
    /// or a documentation comment that says "safe".
    private static func hasProof(_ source: SwiftSource, above index: Int) -> Bool {
        var line = index - 1
        while line >= 0 {
            let text = source.lines[line].trimmingPrefix(/\s+/)
            if text.hasPrefix("//") {
                if !text.hasPrefix("///") || text.lowercased().contains("safe") { return true }
            } else if !text.hasPrefix("@") {
                return false
            }
            line -= 1
        }
        return false
    }
}
