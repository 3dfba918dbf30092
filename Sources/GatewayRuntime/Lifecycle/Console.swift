import Glibc

/// Lines for the operator, on standard error. Never used on an event loop.
enum Console {
    static func error(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        // Safe: the pointer is used during the call only.
        _ = unsafe bytes.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
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
