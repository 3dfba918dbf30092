import GatewayPolicy
import GatewayWire

/// The rules of one host of one listener, by path: a tree of path elements whose children are found by hash, so that
/// a thousand routes cost what one does.
///
/// Precedence: an exact path, then regular expressions (longest text first; the Gateway API leaves their place open,
/// and before prefixes they can carve something out of `/`), then prefixes from the longest; among equals a method,
/// more headers, more query parameters, and `RouteOrder`.
final class PathTree: Sendable {
    fileprivate struct Node: Sendable {
        var parent = -1
        var exact: Range<Int> = 0..<0
        var prefix: Range<Int> = 0..<0
    }

    fileprivate struct Candidate: Sendable {
        let condition: RouteCondition?
        let entry: Int
    }

    /// What a tree found: the position of the entry, and how much of the path its prefix took.
    struct Found {
        var entry: Int
        var matchedPathBytes: Int
    }

    private let nodes: [Node]
    /// Children by (node, element).
    private let children: ByteTable
    private let candidates: [Candidate]
    private let regexes: [(pattern: BytePattern, candidate: Candidate)]

    /// `members` are the positions in `entries` that belong to this tree.
    init(_ entries: [RouteEntry], members: [Int]) {
        let builder = PathTreeBuilder(entries, members: members)
        nodes = builder.nodes
        children = builder.children
        candidates = builder.candidates
        regexes = builder.regexes
    }

    // MARK: Matching

    func find(_ request: borrowing RequestHead) -> Found? {
        let bytes = request.fields.bytes.span
        let path = request.path.range
        // Nodes are walked down as far as the path goes, and prefixes are tried on the way back up.
        var node = 0
        var end = path.lowerBound
        var isWhole = false
        if !path.isEmpty, bytes[path.lowerBound] == 0x2F {
            while true {
                var stop = end &+ 1
                while stop < path.upperBound, bytes[stop] != 0x2F { stop &+= 1 }
                let next = children.find(seed: node, bytes, (end &+ 1)..<stop)
                guard next >= 0 else { break }
                node = next
                end = stop
                if end == path.upperBound {
                    isWhole = true
                    break
                }
            }
        }
        if isWhole, let entry = first(nodes[node].exact, request) {
            return Found(entry: entry, matchedPathBytes: path.count)
        }
        if !regexes.isEmpty, let entry = firstRegex(request) {
            return Found(entry: entry, matchedPathBytes: path.count)
        }
        while true {
            if let entry = first(nodes[node].prefix, request) {
                return Found(entry: entry, matchedPathBytes: end &- path.lowerBound)
            }
            guard node > 0 else { return nil }
            node = nodes[node].parent
            end &-= 1
            while bytes[end] != 0x2F { end &-= 1 }
        }
    }

    private func first(_ range: Range<Int>, _ request: borrowing RequestHead) -> Int? {
        for index in range {
            guard let condition = candidates[index].condition, !condition.holds(for: request) else {
                return candidates[index].entry
            }
        }
        return nil
    }

    private func firstRegex(_ request: borrowing RequestHead) -> Int? {
        let path = request.fields.bytes.span.extracting(request.path.range)
        for index in regexes.indices where regexes[index].pattern.matches(path) {
            guard let condition = regexes[index].candidate.condition, !condition.holds(for: request) else {
                return regexes[index].candidate.entry
            }
        }
        return nil
    }
}

/// A tree while it grows.
private struct PathTreeBuilder {
    private(set) var nodes = [PathTree.Node()]
    private(set) var children = ByteTable()
    private(set) var candidates: [PathTree.Candidate] = []
    private(set) var regexes: [(pattern: BytePattern, candidate: PathTree.Candidate)] = []

    init(_ entries: [RouteEntry], members: [Int]) {
        var exact: [Int: [Int]] = [:]
        var prefix: [Int: [Int]] = [:]
        let ordered = members.sorted { PathTreeBuilder.precedes(entries[$0], entries[$1]) }
        for member in ordered {
            switch entries[member].path {
            case .exact(let path): exact[node(for: path), default: []].append(member)
            case .prefix(let path): prefix[node(for: PathTreeBuilder.trimmed(path)), default: []].append(member)
            case .regex(let pattern): regexes.append((pattern, PathTreeBuilder.candidate(entries, member)))
            }
        }
        for index in nodes.indices {
            nodes[index].exact = append(exact[index] ?? [], of: entries)
            nodes[index].prefix = append(prefix[index] ?? [], of: entries)
        }
    }

    private static func trimmed(_ path: [UInt8]) -> [UInt8] { path.last == 0x2F ? path.dropLast() : path }

    private static func candidate(_ entries: [RouteEntry], _ member: Int) -> PathTree.Candidate {
        let condition = entries[member].condition
        return PathTree.Candidate(condition: condition.isNone ? nil : condition, entry: member)
    }

    private mutating func append(_ members: [Int], of entries: [RouteEntry]) -> Range<Int> {
        let start = candidates.count
        candidates.append(contentsOf: members.map { PathTreeBuilder.candidate(entries, $0) })
        return start..<candidates.count
    }

    /// The node of a path, made when it is not there. An empty path is the root.
    private mutating func node(for path: [UInt8]) -> Int {
        var current = 0
        guard !path.isEmpty else { return current }
        for element in path.dropFirst().split(separator: 0x2F, omittingEmptySubsequences: false) {
            let range = element.startIndex..<element.endIndex
            var next = children.find(seed: current, path.span, range)
            if next < 0 {
                next = nodes.count
                nodes.append(PathTree.Node(parent: current))
                children.insert(seed: current, element, value: next)
            }
            current = next
        }
        return current
    }

    /// Of two entries of one path, or two regular expressions, which is asked first.
    private static func precedes(_ left: RouteEntry, _ right: RouteEntry) -> Bool {
        if case .regex(let a) = left.path, case .regex(let b) = right.path, a.source.utf8.count != b.source.utf8.count {
            return a.source.utf8.count > b.source.utf8.count
        }
        let (a, b) = (left.condition, right.condition)
        if (a.method == nil) != (b.method == nil) { return a.method != nil }
        if a.headers.count != b.headers.count { return a.headers.count > b.headers.count }
        if a.queries.count != b.queries.count { return a.queries.count > b.queries.count }
        return left.order.precedes(right.order)
    }
}
