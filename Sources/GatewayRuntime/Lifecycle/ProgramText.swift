import Glibc

/// The code of the program and its libraries in memory. Starting runs through most of it once (options, decoding,
/// look-ups of types), and serving through little: when the gateway serves, the pages of code are given back, and those
/// that are used come back from the kernel's cache at the first touch.
package enum ProgramText {
    /// Unmaps what the process has mapped of its code so far.
    package static func giveBack() {
        guard let maps = ProcessFile.read("maps") else { return }
        for line in maps.split(separator: "\n") {
            guard let range = codeRange(line),
                let start = unsafe UnsafeMutableRawPointer(bitPattern: range.lowerBound)
            else { continue }
            // Safe: executable pages of a file are never written, so the kernel can always read them again.
            unsafe madvise(start, range.count, MADV_DONTNEED)
        }
    }

    /// The addresses of a line of `/proc/self/maps` that maps code of a file:
    /// `55d0c0000000-55d0c1000000 r-xp 00000000 fe:00 1234 /usr/bin/sluice`.
    static func codeRange(_ line: Substring) -> Range<UInt>? {
        let words = line.split(separator: " ", maxSplits: 5)
        guard words.count == 6, words[1] == "r-xp", words[5].drop(while: { $0 == " " }).first == "/" else { return nil }
        let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, ends[0] < ends[1] else { return nil }
        return ends[0]..<ends[1]
    }
}
