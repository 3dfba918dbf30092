import Foundation

/// A file of the tree as the checks see it.
struct TextFile {
    /// Relative to the package root.
    var path: String
    var lines: [Substring]

    init(path: String, text: String) {
        self.path = path
        var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        if lines.last?.isEmpty == true { lines.removeLast() }
        self.lines = lines
    }

    var name: Substring { path.split(separator: "/").last ?? "" }
    var isSwift: Bool { path.hasSuffix(".swift") }
    var isTest: Bool { path.hasPrefix("Tests/") }
}

/// The tree that git knows: what is committed or about to be.
enum Tree {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    struct Entry {
        var path: String
        var bytes: Int
    }

    /// Tracked and new files, without what `.gitignore` names.
    static func entries() throws -> [Entry] {
        let git = Process()
        git.executableURL = URL(filePath: "/usr/bin/env")
        let flags = ["ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        git.arguments = ["git", "-c", "safe.directory=*", "-C", root.path] + flags
        let output = Pipe()
        git.standardOutput = output
        try git.run()
        let listing = output.fileHandleForReading.readDataToEndOfFile()
        git.waitUntilExit()
        guard git.terminationStatus == 0 else { throw CocoaError(.fileReadUnknown) }
        return listing.split(separator: 0).compactMap { name in
            let path = String(decoding: name, as: UTF8.self)
            let attributes = try? FileManager.default.attributesOfItem(atPath: root.appending(path: path).path)
            guard let size = attributes?[.size] as? Int else { return nil }
            return Entry(path: path, bytes: size)
        }
    }

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// Text files people write: sources, tests, scripts and pages, not captured data.
    static func written() throws -> [TextFile] {
        let endings = [".swift", ".md", ".py", ".sh", ".yaml", ".yml", ".json", ".c", ".h", "Makefile"]
        let folders = ["scripts/", ".ci/"]
        return try entries().compactMap { entry in
            guard endings.contains(where: entry.path.hasSuffix) || folders.contains(where: entry.path.hasPrefix) else {
                return nil
            }
            guard !entry.path.contains("/Corpus/"), entry.bytes <= TidyRules.fileBytesMax else { return nil }
            guard let text = try? text(entry.path) else { return nil }
            return TextFile(path: entry.path, text: text)
        }
    }
}

extension Substring {
    /// Whether these ASCII bytes occur: much faster than comparing characters over the whole tree.
    func holds(_ words: String) -> Bool {
        let bytes = utf8.span
        let pattern = words.utf8.span
        guard pattern.count > 0, bytes.count >= pattern.count else { return false }
        for start in 0...(bytes.count - pattern.count) where bytes[start] == pattern[0] {
            var matched = 1
            while matched < pattern.count, bytes[start + matched] == pattern[matched] { matched += 1 }
            if matched == pattern.count { return true }
        }
        return false
    }
}
