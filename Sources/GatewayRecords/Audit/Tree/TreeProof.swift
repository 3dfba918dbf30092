/// Proofs about a tree of RFC 6962: that a leaf is in it, and that it grew from an earlier one.
package struct TreeProof: Sendable, Equatable {
    package var hashes: [TreeHash]

    package init(hashes: [TreeHash]) { self.hashes = hashes }

    /// A hash that a proof needs and nobody has.
    package struct Missing: Error, Sendable, Equatable {
        package var level: Int
        package var index: Int
    }

    /// The hash of the complete subtree of 2^`level` leaves number `index`; nil when it is not there.
    package typealias Source = (_ level: Int, _ index: Int) -> TreeHash?

    // MARK: Making

    /// That leaf `index` is in the tree of `size` leaves (section 2.1.1).
    package static func inclusion(of index: Int, size: Int, _ source: Source) throws(Missing) -> TreeProof {
        precondition(index >= 0 && index < size)
        var hashes: [TreeHash] = []
        var (start, end) = (0, size)
        while end - start > 1 {
            let middle = start + split(end - start)
            if index < middle {
                hashes.append(try range(middle, end, source))
                end = middle
            } else {
                hashes.append(try range(start, middle, source))
                start = middle
            }
        }
        return TreeProof(hashes: hashes.reversed())
    }

    /// That the tree of `size` leaves begins with the one of `earlier` leaves (section 2.1.2).
    package static func consistency(from earlier: Int, to size: Int, _ source: Source) throws(Missing) -> TreeProof {
        precondition(earlier >= 0 && earlier <= size)
        guard earlier > 0, earlier < size else { return TreeProof(hashes: []) }
        var hashes: [TreeHash] = []
        var (start, end) = (0, size)
        var isWhole = true
        while earlier != end {
            let middle = start + split(end - start)
            if earlier <= middle {
                hashes.append(try range(middle, end, source))
                end = middle
            } else {
                hashes.append(try range(start, middle, source))
                start = middle
                isWhole = false
            }
        }
        if !isWhole { hashes.append(try range(start, end, source)) }
        return TreeProof(hashes: hashes.reversed())
    }

    /// The hash of the leaves from `start` to `end`, where `start` is a multiple of what the range comes to.
    static func range(_ start: Int, _ end: Int, _ source: Source) throws(Missing) -> TreeHash {
        let size = end - start
        if size.nonzeroBitCount == 1 {
            let level = size.trailingZeroBitCount
            guard let hash = source(level, start >> level) else { throw Missing(level: level, index: start >> level) }
            return hash
        }
        let middle = start + split(size)
        return TreeHash.node(try range(start, middle, source), try range(middle, end, source))
    }

    /// The largest power of two below `size`.
    private static func split(_ size: Int) -> Int { 1 << (Int.bitWidth - 1 - (size - 1).leadingZeroBitCount) }

    // MARK: Checking

    /// Whether `leaf` is number `index` of the tree (RFC 9162 section 2.1.3.2).
    package func proves(_ leaf: TreeHash, at index: Int, in root: TreeHash, size: Int) -> Bool {
        guard index >= 0, index < size else { return false }
        var position = index
        var last = size - 1
        var hash = leaf
        for other in hashes {
            guard last > 0 else { return false }
            if position & 1 == 1 || position == last {
                hash = TreeHash.node(other, hash)
                while position & 1 == 0, position > 0 {
                    position >>= 1
                    last >>= 1
                }
            } else {
                hash = TreeHash.node(hash, other)
            }
            position >>= 1
            last >>= 1
        }
        return last == 0 && hash == root
    }

    /// Whether the tree grew from the earlier one (RFC 9162 section 2.1.4.2).
    package func proves(
        from earlier: (size: Int, root: TreeHash), to later: (size: Int, root: TreeHash)
    ) -> Bool {
        guard earlier.size >= 0, earlier.size <= later.size else { return false }
        if earlier.size == later.size { return hashes.isEmpty && earlier.root == later.root }
        if earlier.size == 0 { return hashes.isEmpty && earlier.root == .empty }
        var rest = hashes[...]
        if earlier.size.nonzeroBitCount == 1 { rest = [earlier.root] + rest }
        guard let first = rest.popFirst() else { return false }
        var position = earlier.size - 1
        var last = later.size - 1
        while position & 1 == 1 {
            position >>= 1
            last >>= 1
        }
        var (old, new) = (first, first)
        for other in rest {
            guard last > 0 else { return false }
            if position & 1 == 1 || position == last {
                old = TreeHash.node(other, old)
                new = TreeHash.node(other, new)
                while position & 1 == 0, position > 0 {
                    position >>= 1
                    last >>= 1
                }
            } else {
                new = TreeHash.node(new, other)
            }
            position >>= 1
            last >>= 1
        }
        return last == 0 && old == earlier.root && new == later.root
    }
}
