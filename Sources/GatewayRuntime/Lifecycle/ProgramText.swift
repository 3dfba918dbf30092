import Glibc

/// The program's own code in memory. Starting runs through most of it once (options, decoding, look-ups of types), and
/// serving through little: when the gateway serves, its pages of code are given back, and those that are used come back
/// from the kernel's cache at the first touch.
package enum ProgramText {
    /// Unmaps what the process has mapped of its code so far.
    package static func giveBack() {
        guard let maps = ProcessFile.read("maps"), let program = ownPath else { return }
        for line in maps.split(separator: "\n") where line.hasSuffix(program) {
            guard let range = codeRange(line),
                let start = unsafe UnsafeMutableRawPointer(bitPattern: range.lowerBound)
            else { continue }
            // Safe: executable pages of a file are never written, so the kernel can always read them again.
            unsafe madvise(start, range.count, MADV_DONTNEED)
        }
    }

    /// The addresses of a line of `/proc/self/maps` (`55d0c0000000-55d0c1000000 r-xp …`) that maps code.
    static func codeRange(_ line: Substring) -> Range<UInt>? {
        let words = line.split(separator: " ", maxSplits: 2)
        guard words.count == 3, words[1] == "r-xp" else { return nil }
        let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, ends[0] < ends[1] else { return nil }
        return ends[0]..<ends[1]
    }

    private static var ownPath: String? {
        var path = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = unsafe readlink("/proc/self/exe", &path, path.count)
        guard count > 0, count < path.count else { return nil }
        return String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
