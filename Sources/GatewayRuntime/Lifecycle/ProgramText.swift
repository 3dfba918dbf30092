import Glibc

/// The code of the program and its libraries in memory. Starting runs through most of it once (options, decoding,
/// look-ups of types), and serving through little: when the gateway serves, the pages of code are given back, and those
/// that are used come back from the kernel's cache at the first touch.
package enum ProgramText {
    /// Unmaps what the process has mapped of its code so far.
    package static func giveBack() {
        guard let maps = ProcessFile.read("maps") else { return }
        let program = path
        for line in maps.split(separator: "\n") {
            guard let range = codeRange(line, of: program),
                let start = unsafe UnsafeMutableRawPointer(bitPattern: range.lowerBound)
            else { continue }
            // Safe: neither executable pages of a file nor what lies before our own code are ever written, so the
            // kernel can always read them again.
            unsafe madvise(start, range.count, MADV_DONTNEED)
        }
    }

    /// The program's own file; empty where it cannot be told.
    private static var path: String {
        // Safe: the array is as long as is said, and what was written of it is read.
        unsafe String(unsafeUninitializedCapacity: Int(PATH_MAX)) { text in
            unsafe text.withMemoryRebound(to: CChar.self) { text in
                guard let start = text.baseAddress else { return 0 }
                return unsafe max(0, readlink("/proc/self/exe", start, text.count))
            }
        }
    }

    /// The addresses of a line of `/proc/self/maps` that maps code of a file, or what the linker put before that of
    /// `program` (descriptions of types, relocations):
    /// `55d0c0000000-55d0c1000000 r-xp 00c93000 fe:00 1234 /usr/bin/sluice`.
    static func codeRange(_ line: Substring, of program: String) -> Range<UInt>? {
        let words = line.split(separator: " ", maxSplits: 5)
        guard words.count == 6 else { return nil }
        let file = words[5].drop { $0 == " " }
        let isBeforeCode = words[1] == "r--p" && UInt(words[2], radix: 16) == 0 && file == program
        guard file.first == "/", words[1] == "r-xp" || isBeforeCode else { return nil }
        let ends = words[0].split(separator: "-").compactMap { UInt($0, radix: 16) }
        guard ends.count == 2, ends[0] < ends[1] else { return nil }
        return ends[0]..<ends[1]
    }
}
