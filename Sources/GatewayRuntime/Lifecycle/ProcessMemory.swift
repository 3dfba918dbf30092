import Glibc

/// The process's memory holds keys and prompts: no core dump writes it anywhere.
package enum ProcessMemory {
    private static let filterPath = "/proc/self/coredump_filter"

    /// Forbids core dumps, and leaves all memory out of those that are handed to a program of the system's, which the
    /// limit does not stop.
    package static func seal() {
        guard !seals() else { return }
        Console.error("core dumps cannot be forbidden, and would hold keys and prompts")
    }

    private static func seals() -> Bool {
        var none = rlimit(rlim_cur: 0, rlim_max: 0)
        let isLimited = unsafe setrlimit(__rlimit_resource_t(RLIMIT_CORE.rawValue), &none) == 0
        let descriptor = unsafe open(filterPath, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return unsafe write(descriptor, "0", 1) == 1 && isLimited
    }
}
