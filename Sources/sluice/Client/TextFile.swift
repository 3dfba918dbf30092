import Foundation
import GatewayModel

/// Small files that commands read and write.
enum TextFile {
    static func read(_ path: String) throws(GatewayError) -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw GatewayError(.unreadableFile, "cannot read \"\(path)\"", hint: "check its name and permissions")
        }
        return String(decoding: data, as: UTF8.self)
    }

    static func write(_ text: String, to path: String) throws(GatewayError) {
        do {
            try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
        } catch {
            throw GatewayError(.unreadableFile, "cannot write \"\(path)\"", hint: "check its folder and permissions")
        }
    }
}
