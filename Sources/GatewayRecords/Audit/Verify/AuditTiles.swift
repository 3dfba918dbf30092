/// The hashes that a log's tiles hold, for one length of it.
struct AuditTiles {
    let folder: AuditFolder
    let size: Int
    private var cache: [String: [TreeHash]] = [:]

    init(_ folder: AuditFolder, size: Int) {
        self.folder = folder
        self.size = size
    }

    /// The hash of the complete subtree of 2^`level` leaves number `index`.
    mutating func hash(_ level: Int, _ index: Int) -> TreeHash? {
        let (tileLevel, height) = (level / 8, level % 8)
        let first = index << height
        let count = 1 << height
        guard let hashes = tile(tileLevel, first >> 8) else { return nil }
        let start = first & 255
        guard start + count <= hashes.count else { return nil }
        return AuditTree.top(hashes[start..<(start + count)])
    }

    /// What the tree holds of a leaf.
    mutating func leaf(_ index: Int) -> TreeHash? { index < size ? hash(0, index) : nil }

    private mutating func tile(_ level: Int, _ index: Int) -> [TreeHash]? {
        let full = (size >> (8 * level)) >> 8
        let width = index < full ? AuditTree.tileWidth : (size >> (8 * level)) & 255
        guard width > 0 else { return nil }
        let path = TilePath.of(level: level, index: index, width: width)
        if let known = cache[path] { return known }
        guard let bytes = AuditFiles.read("\(folder.path)/\(path)", bytesMax: 8_192),
            bytes.count == width * TreeHash.byteCount
        else { return nil }
        let hashes = stride(from: 0, to: bytes.count, by: TreeHash.byteCount)
            .compactMap { TreeHash(bytes[$0..<($0 + TreeHash.byteCount)]) }
        if cache.count > 64 { cache.removeAll() }
        cache[path] = hashes
        return hashes
    }
}
