import Foundation
import Synchronization

/// Where commands write. Results go to standard output, everything said about them to standard error.
enum Terminal {
    /// What a command wrote, for tests.
    final class Capture: Sendable {
        private let texts = Mutex<(out: String, error: String)>(("", ""))

        var out: String { texts.withLock { $0.out } }
        var error: String { texts.withLock { $0.error } }

        fileprivate func append(out: String = "", error: String = "") {
            texts.withLock {
                $0.out += out
                $0.error += error
            }
        }
    }

    @TaskLocal static var capture: Capture?

    /// A line, or several; ends with exactly one line break.
    static func out(_ text: String) {
        write(text.hasSuffix("\n") ? text : text + "\n")
    }

    /// Text as it is.
    static func write(_ text: String) {
        if let capture { return capture.append(out: text) }
        FileHandle.standardOutput.write(Data(text.utf8))
    }

    /// Bytes as they are.
    static func write(bytes: [UInt8]) {
        if let capture { return capture.append(out: String(decoding: bytes, as: UTF8.self)) }
        FileHandle.standardOutput.write(Data(bytes))
    }

    static func error(_ line: String) {
        if let capture { return capture.append(error: line + "\n") }
        FileHandle.standardError.write(Data((line + "\n").utf8))
    }

    /// All of standard input, up to a bound.
    static func input(bytesMax: Int) -> [UInt8] {
        var bytes: [UInt8] = []
        while bytes.count < bytesMax,
            let data = try? FileHandle.standardInput.read(upToCount: bytesMax - bytes.count), !data.isEmpty
        {
            bytes += data
        }
        return bytes
    }
}
