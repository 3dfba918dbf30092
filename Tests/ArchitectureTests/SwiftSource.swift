import Foundation

/// What a check found wrong, and where.
struct Finding: CustomStringConvertible, Equatable {
    var path: String
    var line: Int
    var message: String

    var description: String { "\(path):\(line): \(message)" }
}

/// One Swift file: its lines as written, and as code with comments and string literals blanked, so that a
/// word in a comment or a message is not taken for code.
struct SwiftSource {
    /// Relative to the package root, e.g. `Sources/GatewayWire/Message/Head.swift`.
    var path: String
    var lines: [Substring]
    var code: [Substring]

    init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        code = SwiftSource.blanked(text).split(separator: "\n", omittingEmptySubsequences: false)
    }

    /// The target a path under `Sources` or `Tests` belongs to.
    var target: String {
        let parts = path.split(separator: "/")
        return parts.count > 1 ? String(parts[1]) : ""
    }

    /// A finding for each line of code that contains the pattern.
    func findings(_ pattern: Regex<AnyRegexOutput>, _ message: String) -> [Finding] {
        code.enumerated().compactMap { index, line in
            line.contains(pattern) ? Finding(path: path, line: index + 1, message: message) : nil
        }
    }

    /// Replaces comments and literals by spaces and keeps line breaks.
    static func blanked(_ text: String) -> String {
        var scanner = Blanker(Array(text.utf8))
        scanner.run()
        return String(decoding: scanner.output, as: UTF8.self)
    }
}

/// Walks the bytes of a Swift file. It knows line and nested block comments, plain, raw and multi-line
/// strings and their interpolations; regular expression literals are left as code.
private struct Blanker {
    private let input: [UInt8]
    private var at = 0
    private(set) var output: [UInt8] = []

    init(_ input: [UInt8]) {
        self.input = input
        output.reserveCapacity(input.count)
    }

    mutating func run() {
        while at < input.count { code() }
    }

    private func starts(_ text: StaticString, _ offset: Int = 0) -> Bool {
        let start = at + offset
        guard start + text.utf8CodeUnitCount <= input.count else { return false }
        for index in 0..<text.utf8CodeUnitCount where unsafe input[start + index] != text.utf8Start[index] {
            return false
        }
        return true
    }

    private mutating func keep() {
        output.append(input[at])
        at += 1
    }

    private mutating func blank(_ count: Int = 1) {
        for _ in 0..<count where at < input.count {
            output.append(input[at] == UInt8(ascii: "\n") ? input[at] : UInt8(ascii: " "))
            at += 1
        }
    }

    private mutating func code() {
        // Only `/`, `"` and `#` can begin what is blanked.
        guard input[at] == 0x2F || input[at] == 0x22 || input[at] == 0x23 else { return keep() }
        if starts("//") {
            while at < input.count, input[at] != UInt8(ascii: "\n") { blank() }
        } else if starts("/*") {
            blockComment()
        } else if let hashes = stringStart() {
            string(hashes: hashes)
        } else {
            keep()
        }
    }

    private mutating func blockComment() {
        var depth = 0
        repeat {
            if starts("/*") {
                depth += 1
                blank(2)
            } else if starts("*/") {
                depth -= 1
                blank(2)
            } else {
                blank()
            }
        } while depth > 0 && at < input.count
    }

    /// The number of `#` before a quote that starts here, nil when none does.
    private func stringStart() -> Int? {
        var hashes = 0
        while at + hashes < input.count, input[at + hashes] == UInt8(ascii: "#") { hashes += 1 }
        return at + hashes < input.count && input[at + hashes] == UInt8(ascii: "\"") ? hashes : nil
    }

    private func hashesFollow(_ offset: Int, _ hashes: Int) -> Bool {
        guard at + offset + hashes <= input.count else { return false }
        return input[(at + offset)..<(at + offset + hashes)].allSatisfy { $0 == UInt8(ascii: "#") }
    }

    private mutating func string(hashes: Int) {
        blank(hashes)
        let quotes = starts("\"\"\"") ? 3 : 1
        blank(quotes)
        while at < input.count {
            if starts("\\"), hashesFollow(1, hashes) {
                blank(1 + hashes)
                if starts("(") { interpolation() } else { blank() }
            } else if quotes == 3 ? starts("\"\"\"") : starts("\""), hashesFollow(quotes, hashes) {
                return blank(quotes + hashes)
            } else if quotes == 1, starts("\n") {
                return
            } else {
                blank()
            }
        }
    }

    /// The code inside `\( … )` is kept: it can hold what the rules forbid.
    private mutating func interpolation() {
        var depth = 0
        repeat {
            if starts("(") { depth += 1 }
            if starts(")") { depth -= 1 }
            code()
        } while depth > 0 && at < input.count
    }
}

/// The package's own files.
enum Package {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent()

    static func text(_ path: String) throws -> String {
        try String(contentsOf: root.appending(path: path), encoding: .utf8)
    }

    /// The Swift files under a folder, in a stable order.
    static func swiftFiles(under folder: String) throws -> [SwiftSource] {
        let base = root.appending(path: folder)
        guard let walk = FileManager.default.enumerator(atPath: base.path) else { return [] }
        let names = walk.compactMap { $0 as? String }.filter { $0.hasSuffix(".swift") }.sorted()
        return try names.map { try SwiftSource(path: "\(folder)/\($0)", text: text("\(folder)/\($0)")) }
    }

    /// The names of the folders directly in `Sources`: one a target.
    static func targets() throws -> Set<String> {
        let sources = root.appending(path: "Sources")
        return Set(try FileManager.default.contentsOfDirectory(atPath: sources.path).filter { !$0.hasPrefix(".") })
    }
}
