/// A Merkle tree (RFC 6962) that only grows, held as its right edge: for each level of tiles (C2SP tlog-tiles, 256
/// hashes wide) the hashes of the tile that is not full yet. What has been finished is handed out and forgotten.
package struct AuditTree: Sendable, Equatable {
    /// A tile that became full.
    package struct Tile: Sendable, Equatable {
        package var level: Int
        package var index: Int
        package var hashes: [TreeHash]
    }

    package static let tileWidth = 256
    /// No log has so many leaves.
    static let countMax = 1 << 52
    /// Levels of tiles at most: 2⁶⁴ leaves.
    static let levelsMax = 8

    /// Leaves.
    package private(set) var count = 0
    /// Unfinished tiles, the lowest level first.
    package private(set) var edge: [[TreeHash]] = []

    package init() {}

    /// A tree that goes on from an edge; nil for one that is none.
    package init?(count: Int, edge: [[TreeHash]]) {
        guard (0...AuditTree.countMax).contains(count), edge.count <= AuditTree.levelsMax else { return nil }
        for level in 0..<AuditTree.levelsMax {
            let width = count >> (8 * level) & (AuditTree.tileWidth - 1)
            guard (level < edge.count ? edge[level].count : 0) == width else { return nil }
        }
        self.count = count
        self.edge = edge
    }

    /// Adds a leaf, and hands out the tiles that it finishes.
    package mutating func append(_ leaf: TreeHash, finished: (Tile) -> Void = { _ in }) {
        var hash = leaf
        var level = 0
        let position = count
        count += 1
        while true {
            if level == edge.count { edge.append([]) }
            edge[level].append(hash)
            guard edge[level].count == AuditTree.tileWidth else { return }
            let hashes = edge[level]
            edge[level].removeAll(keepingCapacity: true)
            hash = AuditTree.top(hashes[...])
            finished(Tile(level: level, index: position >> (8 * (level + 1)), hashes: hashes))
            level += 1
        }
    }

    /// The hash of all leaves.
    package var root: TreeHash {
        // Complete subtrees from the right, the smallest first.
        var hash: TreeHash?
        for level in edge {
            var end = level.count
            var size = 1
            while end > 0 {
                if end & size != 0 {
                    let subtree = AuditTree.top(level[(end - size)..<end])
                    hash = hash.map { TreeHash.node(subtree, $0) } ?? subtree
                    end -= size
                }
                size <<= 1
            }
        }
        return hash ?? .empty
    }

    /// The unfinished tiles, as files show them.
    package var partialTiles: [Tile] {
        edge.enumerated().filter { !$0.element.isEmpty }.map { level, hashes in
            Tile(level: level, index: count >> (8 * (level + 1)), hashes: hashes)
        }
    }

    /// The hash above a power of two of hashes.
    static func top(_ hashes: ArraySlice<TreeHash>) -> TreeHash {
        var row = Array(hashes)
        while row.count > 1 {
            var next = 0
            for index in stride(from: 0, to: row.count - 1, by: 2) {
                row[next] = TreeHash.node(row[index], row[index + 1])
                next += 1
            }
            row.removeLast(row.count - next)
        }
        return row.first ?? .empty
    }
}
