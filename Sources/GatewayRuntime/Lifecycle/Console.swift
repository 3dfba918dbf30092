import Glibc

/// Lines for the operator, on standard error. Never used on an event loop.
enum Console {
    /// More of one line is left out.
    private static let scalarsMax = 8_192

    static func error(_ text: String) {
        let bytes = Array((line(text) + "\n").utf8)
        // Safe: the pointer is used during the call only.
        _ = unsafe bytes.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
    }

    /// One line that says what it looks like: a part of the text may be from outside, and would end the line, steer the
    /// terminal or turn the letters around.
    static func line(_ text: String) -> String {
        var line = ""
        for (index, scalar) in text.unicodeScalars.enumerated() {
            guard index < scalarsMax else { return line + "…" }
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                line += "\\u{\(String(scalar.value, radix: 16, uppercase: true))}"
            default: line.unicodeScalars.append(scalar)
            }
        }
        return line
    }
}

/// The wall clock, for what is shown to people.
enum WallTime {
    static var seconds: Int { Int(nanoseconds / 1_000_000_000) }

    static var nanoseconds: UInt64 {
        var time = timespec()
        // Safe: the pointer is to a local and is used during the call only.
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
