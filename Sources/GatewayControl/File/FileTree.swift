import Foundation
import GatewayModel

/// What `stat` says about a path, symbolic links followed.
struct FileStatus: Hashable {
    var device: UInt64
    var inode: UInt64
    var size: Int
    var modifiedSeconds: Int
    var modifiedNanoseconds: Int
    var changedSeconds: Int
    var changedNanoseconds: Int
    var isDirectory: Bool
    var isRegular: Bool

    init?(_ path: String) {
        var info = stat()
        guard unsafe stat(path, &info) == 0 else { return nil }
        device = UInt64(info.st_dev)
        inode = UInt64(info.st_ino)
        size = Int(info.st_size)
        modifiedSeconds = Int(info.st_mtim.tv_sec)
        modifiedNanoseconds = Int(info.st_mtim.tv_nsec)
        changedSeconds = Int(info.st_ctim.tv_sec)
        changedNanoseconds = Int(info.st_ctim.tv_nsec)
        isDirectory = info.st_mode & S_IFMT == S_IFDIR
        isRegular = info.st_mode & S_IFMT == S_IFREG
    }
}

/// Which files a path stands for.
enum FileTree {
    private static let depthMax = 32
    private static let filesMax = 20_000
    private static let endings = [".yaml", ".yml", ".json"]

    /// The file itself, or everything readable below a folder, sorted. Names that start with a dot are left out: they
    /// are editors' swap files and the inner folders of a mounted ConfigMap.
    static func files(at path: String) -> (files: [String], problem: Diagnostic?) {
        let place = SourcePosition(file: path, line: 1, column: 1)
        guard let status = FileStatus(path) else {
            return ([], Diagnostic(.unreadableFile, at: place, "no file or folder \"\(path)\"", hint: hint(for: path)))
        }
        if status.isRegular { return ([path], nil) }
        guard status.isDirectory else {
            let hint = "name a file or a folder; for a pipe use -"
            return ([], Diagnostic(.unreadableFile, at: place, "not a regular file \"\(path)\"", hint: hint))
        }
        var found: [String] = []
        var visited: Set<UInt64> = []
        walk(path, depth: 0, into: &found, visited: &visited)
        if found.count > filesMax {
            return ([], Diagnostic(.tooLarge, at: place, "more than \(filesMax) files in \"\(path)\""))
        }
        return (found.sorted(), nil)
    }

    private static func walk(_ path: String, depth: Int, into found: inout [String], visited: inout Set<UInt64>) {
        guard depth <= depthMax, found.count <= filesMax, let status = FileStatus(path),
            visited.insert(status.inode).inserted
        else { return }
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        for name in names.sorted() where !name.hasPrefix(".") {
            let child = path.hasSuffix("/") ? path + name : "\(path)/\(name)"
            guard let status = FileStatus(child) else { continue }
            if status.isDirectory {
                walk(child, depth: depth + 1, into: &found, visited: &visited)
            } else if status.isRegular, endings.contains(where: { name.hasSuffix($0) }) {
                found.append(child)
            }
        }
    }

    private static func hint(for path: String) -> String? {
        let parts = path.split(separator: "/", omittingEmptySubsequences: true).map(String.init)
        guard let name = parts.last else { return nil }
        let parent = (path.hasPrefix("/") ? "/" : "") + parts.dropLast().joined(separator: "/")
        let siblings = (try? FileManager.default.contentsOfDirectory(atPath: parent.isEmpty ? "." : parent)) ?? []
        return NearestName.of(name, among: siblings.sorted()).map { "did you mean \"\($0)\"?" }
    }
}

/// Everything that would differ after a change: which files there are, and what `stat` says about each.
struct FileFingerprint: Equatable {
    private var entries: [String: FileStatus?] = [:]

    init(of paths: [String]) {
        for path in paths where path != "-" {
            let found = FileTree.files(at: path).files
            if found.isEmpty { entries[path] = .some(FileStatus(path)) }
            for file in found { entries[file] = .some(FileStatus(file)) }
        }
    }

    /// For tests: a state by name.
    init(_ name: String) { entries[name] = .some(nil) }
}

/// Decides when a change has come to rest: after a quiet time without another one, and in any case after a while.
struct ReloadDebounce {
    private var loaded: FileFingerprint
    private var seen: FileFingerprint
    private var firstChange: Int?
    private var lastChange = 0
    private let quietMilliseconds: Int
    /// Files that never rest are loaded all the same.
    private let patienceMilliseconds: Int

    init(loaded: FileFingerprint, quietMilliseconds: Int, patienceMilliseconds: Int = 2_000) {
        self.loaded = loaded
        seen = loaded
        self.quietMilliseconds = quietMilliseconds
        self.patienceMilliseconds = patienceMilliseconds
    }

    /// Whether nothing is waiting to be loaded.
    var isSettled: Bool { firstChange == nil }

    /// True when what is there now should be loaded.
    mutating func observe(_ state: FileFingerprint, atMilliseconds now: Int) -> Bool {
        if state != seen {
            seen = state
            lastChange = now
            firstChange = firstChange ?? now
        }
        guard let first = firstChange else { return false }
        guard now - lastChange >= quietMilliseconds || now - first >= patienceMilliseconds else { return false }
        firstChange = nil
        guard seen != loaded else { return false }
        loaded = seen
        return true
    }
}
