import CLinux
import GatewayModel

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// A process that was started, and our ends of its pipes.
struct StdioSpawn {
    let process: pid_t
    let input: CInt
    let output: CInt
    let errors: CInt

    /// Starts a command in a group of its own, with nothing open but its three pipes.
    init(_ command: StdioCommand) throws(GatewayError) {
        if let problem = command.problem { throw problem }
        guard let path = Self.found(command.words[0]) else {
            throw GatewayError(
                .unreachable, "there is no such program: \(command.words[0])",
                hint: "it is looked for in \(StdioCommand.searchPath.joined(separator: ", "))")
        }
        var pipes: [CInt] = []
        do throws(GatewayError) {
            for _ in 0..<3 { pipes += try Self.pipe() }
            // Of each pair the first is read and the second written.
            process = try Self.spawn(path, command, [pipes[0], pipes[3], pipes[5]])
        } catch {
            for descriptor in pipes { _ = close(descriptor) }
            throw error
        }
        (input, output, errors) = (pipes[1], pipes[2], pipes[4])
        for theirs in [pipes[0], pipes[3], pipes[5]] { _ = close(theirs) }
    }

    private static func found(_ name: String) -> String? {
        let candidates = name.hasPrefix("/") ? [name] : StdioCommand.searchPath.map { "\($0)/\(name)" }
        return candidates.first { unsafe access($0, X_OK) == 0 }
    }

    private static func pipe() throws(GatewayError) -> [CInt] {
        var pair: [CInt] = [0, 0]
        let isMade = unsafe pair.withUnsafeMutableBufferPointer { unsafe pipe2($0.baseAddress, O_CLOEXEC) }
        guard isMade == 0 else { throw GatewayError(.internalFault, "no pipe can be made: error \(errno)") }
        return pair
    }

    private static func spawn(
        _ path: String, _ command: StdioCommand, _ descriptors: [CInt]
    ) throws(GatewayError) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        for (target, descriptor) in descriptors.enumerated() {
            unsafe posix_spawn_file_actions_adddup2(&actions, descriptor, CInt(target))
        }
        _ = unsafe posix_spawn_file_actions_addclosefrom_np(&actions, 3)
        if let directory = command.directory {
            _ = unsafe posix_spawn_file_actions_addchdir_np(&actions, directory)
        }
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        unsafe sigemptyset(&signals)
        unsafe posix_spawnattr_setsigmask(&attributes, &signals)
        unsafe sigfillset(&signals)
        unsafe posix_spawnattr_setsigdefault(&attributes, &signals)
        let flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF
        unsafe posix_spawnattr_setflags(&attributes, CShort(flags))
        let environment = command.environment.map { "\($0.name)=\($0.value)" }
        var process = pid_t()
        let failure = unsafe withCStrings(command.words) { words in
            unsafe withCStrings(environment) { variables in
                unsafe posix_spawn(&process, path, &actions, &attributes, words, variables)
            }
        }
        guard failure == 0 else {
            throw GatewayError(.unreachable, "the program cannot be started: \(path)", cause: "error \(failure)")
        }
        return process
    }

    /// A list that ends with nothing, as C wants it, for as long as `body` runs.
    private static func withCStrings<Result>(
        _ texts: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> Result
    ) -> Result {
        let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: texts.count + 1)
        for (index, text) in texts.enumerated() { unsafe list[index] = strdup(text) }
        unsafe list[texts.count] = nil
        defer {
            for index in texts.indices { unsafe free(list[index]) }
            unsafe list.deallocate()
        }
        return unsafe body(list)
    }

    // MARK: the end

    /// Tells the whole group.
    static func signal(_ process: pid_t, _ signal: CInt) { _ = kill(-process, signal) }

    /// Whether there is such a process, not yet forgotten by its parent.
    static func exists(_ process: Int) -> Bool { kill(pid_t(process), 0) == 0 }

    /// Whether it has ended; asked until it has, so that nothing of it stays.
    static func hasEnded(_ process: pid_t) -> Bool {
        var status: CInt = 0
        return unsafe waitpid(process, &status, WNOHANG) != 0
    }
}
