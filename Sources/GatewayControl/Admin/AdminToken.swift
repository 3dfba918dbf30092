import Foundation
package import GatewayModel

/// The secret that opens the admin API: made at the first start, kept in the state folder for its owner only.
package enum AdminToken {
    package static let fileName = "admin.token"
    /// The socket beside it.
    package static let socketName = "admin.sock"
    private static let randomBytes = 32
    private static let textBytesMin = 32
    private static let textBytesMax = 4_096

    /// The token of a state folder; makes both if they are missing.
    package static func establish(stateFolder: String) throws(GatewayError) -> Secret {
        let path = "\(stateFolder)/\(fileName)"
        if let found = try read(stateFolder: stateFolder) {
            // Whoever could read it once may still have it.
            guard isPrivate(path) else {
                throw GatewayError(
                    .denied, "others may read the admin token \"\(path)\"", hint: "remove it: a new one is made")
            }
            return found
        }
        try PrivateFile.createFolder(stateFolder)
        var generator = SystemRandomNumberGenerator()
        var text = ""
        for _ in 0..<randomBytes {
            let byte = UInt8.random(in: 0...255, using: &generator)
            text += (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
        try PrivateFile.write(Array((text + "\n").utf8), to: path)
        return Secret(text)
    }

    /// The token that is there, nil if there is none.
    package static func read(stateFolder: String) throws(GatewayError) -> Secret? {
        let path = "\(stateFolder)/\(fileName)"
        guard FileManager.default.fileExists(atPath: path) else { return nil }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw GatewayError(.denied, "cannot read the admin token \"\(path)\"", hint: "run as its owner")
        }
        let text = data.filter { $0 > 0x20 && $0 < 0x7F }
        guard (textBytesMin...textBytesMax).contains(text.count) else { return nil }
        return Secret(Array(text))
    }

    private static func isPrivate(_ path: String) -> Bool {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        let mode = (attributes?[.posixPermissions] as? NSNumber)?.intValue ?? 0o777
        return mode & 0o077 == 0
    }
}
