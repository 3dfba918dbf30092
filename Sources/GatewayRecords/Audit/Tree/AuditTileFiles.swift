import Glibc

/// The tiles of a log on their way to their files. Those that are full are brought to the disk before the segment ends
/// whose records they were made of: who opens the log after a power cut makes the tiles of the newest segment again,
/// and those alone.
struct AuditTileFiles {
    private let folder: AuditFolder
    /// Full, and not in their files yet.
    private var waiting: [AuditTree.Tile] = []
    private var partials: [AuditTree.Tile] = []
    private var outdated: [AuditTree.Tile] = []
    /// Files of full tiles that a power cut may still take.
    private(set) var unsynced: [String] = []

    init(_ folder: AuditFolder) { self.folder = folder }

    mutating func add(_ tile: AuditTree.Tile) { waiting.append(tile) }

    /// Puts what is full into its files.
    mutating func save() -> Bool {
        while let tile = waiting.first {
            guard save(tile) else { return false }
            unsynced.append(folder.tile(tile))
            waiting.removeFirst()
        }
        return true
    }

    /// Puts the unfinished tiles beside them, as a checkpoint of this tree needs them.
    mutating func savePartials(of tree: AuditTree) -> Bool {
        outdated += partials
        partials = tree.partialTiles
        for tile in partials where !save(tile) { return false }
        return true
    }

    /// A checkpoint speaks of the newest unfinished tiles now: the earlier ones may go.
    mutating func removeOutdated() {
        let current = partials.map { folder.tile($0) }
        for tile in outdated where !current.contains(folder.tile(tile)) { unsafe unlink(folder.tile(tile)) }
        outdated.removeAll()
    }

    /// Brings the full tiles to the disk, and the folders that they are in.
    mutating func sync() -> Bool {
        for path in unsynced where !AuditFiles.sync(path) { return false }
        var folders: Set<String> = []
        for path in unsynced {
            var parts = path.split(separator: "/", omittingEmptySubsequences: false).dropLast()
            while parts.count > 1, folders.insert(parts.joined(separator: "/")).inserted,
                parts.joined(separator: "/") != folder.path
            {
                parts.removeLast()
            }
        }
        for path in folders.sorted(by: >) { AuditFiles.syncFolder(path) }
        unsynced.removeAll()
        return true
    }

    private func save(_ tile: AuditTree.Tile) -> Bool {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(tile.hashes.count * TreeHash.byteCount)
        for hash in tile.hashes { hash.append(to: &bytes) }
        return AuditFiles.put(folder.tile(tile), bytes)
    }
}
