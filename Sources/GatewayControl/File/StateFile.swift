import Foundation
package import GatewayModel

/// A private file of the state folder, replaced in one step.
package enum StateFile {
    /// Nil when there is no such file. One that others may read or write is refused: what is in it is a secret.
    package static func read(_ name: String, in folder: String, bytesMax: Int) throws(GatewayError) -> Secret? {
        let path = "\(folder)/\(name)"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        let file = try SideFile.read(path, bytesMax: bytesMax)
        guard file.mode & 0o077 == 0 else {
            throw GatewayError(
                .unreadableFile, "others than its owner may read or write \"\(path)\"", hint: "chmod 600 \(path)")
        }
        return Secret(file.bytes)
    }

    package static func write(_ content: Secret, _ name: String, in folder: String) throws(GatewayError) {
        try PrivateFile.createFolder(folder)
        try PrivateFile.write(content.reveal { $0 }, to: "\(folder)/\(name)")
    }
}
