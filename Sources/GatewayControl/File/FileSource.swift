import Foundation
package import GatewayModel

/// Configuration from files: single files, folders (every `*.yaml`, `*.yml`, `*.json` below), or `-` for standard
/// input.
package struct FileSource: Sendable {
    package let paths: [String]
    private let mode: AnalysisMode
    private let limits: Limits
    /// Standard input can be read once only.
    private let standardInput: [UInt8]?

    package init(paths: [String], mode: AnalysisMode = .strict, limits: Limits = .standard) {
        self.paths = paths
        self.mode = mode
        self.limits = limits
        standardInput =
            paths.contains("-") ? FileHandle.standardInput.readUpTo(limits.configurationBytesMax + 1) : nil
    }

    /// Reads everything once.
    package func load() -> ConfigurationLoad { load(read()) }

    /// What is there, as written: for commands that work on texts.
    package func texts() -> (texts: [ConfigurationLoad.Text], diagnostics: [Diagnostic]) {
        let reading = read()
        return (
            reading.files.map { ConfigurationLoad.Text(bytes: $0.bytes, file: $0.path) }, reading.diagnostics
        )
    }

    /// The state of things now, then again after each change that has come to rest. A broken state is delivered too:
    /// its `diagnostics` say why, and the receiver keeps what it has.
    package func loads(pollMilliseconds: Int = 250, quietMilliseconds: Int = 100) -> AsyncStream<ConfigurationLoad> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let task = Task.detached {
                var debounce = ReloadDebounce(
                    loaded: FileFingerprint(of: paths), quietMilliseconds: quietMilliseconds)
                var reading = read()
                continuation.yield(load(reading))
                let clock = ContinuousClock()
                let start = clock.now
                while !Task.isCancelled {
                    // A folder mounted from a ConfigMap or an editor's rename fools most notifications; asking the
                    // file system costs microseconds and cannot miss anything.
                    try? await clock.sleep(
                        for: .milliseconds(debounce.isSettled ? pollMilliseconds : quietMilliseconds))
                    if Task.isCancelled { break }
                    let elapsed = (clock.now - start) / .milliseconds(1)
                    guard debounce.observe(FileFingerprint(of: paths), atMilliseconds: Int(elapsed)) else { continue }
                    let again = read()
                    if again == reading { continue }
                    reading = again
                    continuation.yield(load(again))
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    // MARK: - Reading

    private struct Reading: Equatable {
        var files: [(path: String, bytes: [UInt8])] = []
        var diagnostics: [Diagnostic] = []

        static func == (left: Reading, right: Reading) -> Bool {
            left.diagnostics == right.diagnostics && left.files.elementsEqual(right.files) { $0 == $1 }
        }
    }

    private func load(_ reading: Reading) -> ConfigurationLoad {
        ConfigurationLoad(
            texts: reading.files.map { ConfigurationLoad.Text(bytes: $0.bytes, file: $0.path) }, mode: mode,
            limits: limits, earlier: reading.diagnostics)
    }

    private func read() -> Reading {
        var reading = Reading()
        var total = 0
        for path in paths {
            if path == "-" {
                reading.files.append(("-", standardInput ?? []))
                continue
            }
            let found = FileTree.files(at: path)
            if let problem = found.problem { reading.diagnostics.append(problem) }
            for file in found.files {
                let place = SourcePosition(file: file, line: 1, column: 1)
                guard let size = FileStatus(file)?.size, total + size <= limits.configurationBytesMax else {
                    reading.diagnostics.append(
                        Diagnostic(
                            .tooLarge, at: place, "configuration is too large or gone",
                            hint: "at most \(limits.configurationBytesMax) bytes in all files"))
                    continue
                }
                guard let data = FileManager.default.contents(atPath: file) else {
                    reading.diagnostics.append(
                        Diagnostic(.unreadableFile, at: place, "cannot read \"\(file)\"", hint: "check its permissions")
                    )
                    continue
                }
                total += data.count
                reading.files.append((file, Array(data)))
            }
        }
        return reading
    }
}

extension FileHandle {
    fileprivate func readUpTo(_ count: Int) -> [UInt8] {
        (try? read(upToCount: count)).flatMap { $0 }.map { first in
            var data = first
            while data.count < count, let more = try? read(upToCount: count - data.count), !more.isEmpty {
                data += more
            }
            return Array(data)
        } ?? []
    }
}
