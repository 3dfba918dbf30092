import Foundation
package import GatewayModel

/// Random secrets of a gateway that outlive its process, each a file of the state folder for its owner only.
package enum StateSecret {
    /// The secret of that name, made when it is not there yet. One of another length is refused, not replaced:
    /// whoever damaged it should hear of it.
    package static func load(_ name: String, in folder: String, byteCount: Int) throws(GatewayError) -> Secret {
        try PrivateFile.createFolder(folder)
        let path = "\(folder)/\(name)"
        if let bytes = try read(path, bytesMax: byteCount) {
            guard bytes.count == byteCount else {
                throw GatewayError(
                    .unreadableFile, "not a key of \(byteCount) bytes: \(path)", hint: "remove it to get a new one")
            }
            return Secret(bytes)
        }
        var generator = SystemRandomNumberGenerator()
        let bytes = (0..<byteCount).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
        try PrivateFile.write(bytes, to: path)
        return Secret(bytes)
    }

    /// Nil when there is no such file.
    private static func read(_ path: String, bytesMax: Int) throws(GatewayError) -> [UInt8]? {
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let handle = FileHandle(forReadingAtPath: path), let data = try? handle.read(upToCount: bytesMax + 1)
        else {
            throw GatewayError(.unreadableFile, "cannot read \"\(path)\"", hint: "check its permissions")
        }
        return Array(data)
    }
}
