import Glibc

/// The tiles of a log on their way to their files. Those that are full are brought to the disk before the segment ends
/// whose records they were made of: who opens the log after a power cut makes the tiles of the newest segment again,
/// and those alone.
struct AuditTileFiles {
    private let folder: AuditFolder
    /// Full, and not in their files yet.
    private var waiting: [AuditTree.Tile] = []
    private var partials: [AuditTree.Tile] = []
    /// Files of earlier unfinished tiles.
    private var outdated: Set<String> = []
    /// Full tiles that a power cut, or whoever tidies up, may still take from their files.
    private(set) var unsynced: [AuditTree.Tile] = []

    init(_ folder: AuditFolder) { self.folder = folder }

    mutating func add(_ tile: AuditTree.Tile) { waiting.append(tile) }

    /// Puts what is full into its files.
    mutating func save() -> Bool {
        let saved = waiting.prefix { save($0) }
        unsynced += saved
        waiting.removeFirst(saved.count)
        return waiting.isEmpty
    }

    /// Puts the unfinished tiles beside them, as a checkpoint of this tree needs them.
    mutating func savePartials(of tree: AuditTree) -> Bool {
        outdated.formUnion(partials.map { folder.tile($0) })
        partials = tree.partialTiles
        return partials.allSatisfy { save($0) }
    }

    /// A checkpoint speaks of the newest unfinished tiles now: the earlier ones may go.
    mutating func removeOutdated() {
        for path in outdated.subtracting(partials.map { folder.tile($0) }) { unsafe unlink(path) }
        outdated.removeAll()
    }

    /// Brings the full tiles to the disk, and the folders that they are in.
    mutating func sync() -> Bool {
        guard unsynced.allSatisfy({ sync($0) }) else { return false }
        var folders: Set<String> = []
        for tile in unsynced {
            var parts = folder.tile(tile).split(separator: "/", omittingEmptySubsequences: false).dropLast()
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

    /// One that is gone is put there again.
    private func sync(_ tile: AuditTree.Tile) -> Bool {
        let path = folder.tile(tile)
        return AuditFiles.sync(path) || errno == ENOENT && save(tile) && AuditFiles.sync(path)
    }

    private func save(_ tile: AuditTree.Tile) -> Bool {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(tile.hashes.count * TreeHash.byteCount)
        for hash in tile.hashes { hash.append(to: &bytes) }
        return AuditFiles.put(folder.tile(tile), bytes)
    }
}
