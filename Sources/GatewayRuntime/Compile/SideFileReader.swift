import GatewayControl
package import GatewayModel

/// Reads the files that objects name. A relative path starts at the folder of the file the object stands in. Objects
/// that came over the admin API reach nothing outside the state folder: their authors need not be able to read what
/// the gateway can.
package struct SideFileReader: Sendable {
    package var stateDirectory: String?

    package init(stateDirectory: String? = nil) { self.stateDirectory = stateDirectory }

    /// `origin` is the file of the object's position.
    func read(_ path: String, origin: String, bytesMax: Int) throws(GatewayError) -> SideFile {
        try SideFile.read(try self.path(path, origin: origin), bytesMax: bytesMax)
    }

    package func path(_ path: String, origin: String) throws(GatewayError) -> String {
        guard SideFileReader.isFile(origin) else {
            let isInside = !path.hasPrefix("/") && !path.split(separator: "/").contains("..")
            guard let stateDirectory, isInside else {
                throw GatewayError(
                    .unreadableFile, "an object that is not from a file reaches only the state folder: \(path)",
                    hint: "put the file there, and name it relative to it")
            }
            return "\(stateDirectory)/\(path)"
        }
        if path.hasPrefix("/") { return path }
        guard let slash = origin.lastIndex(of: "/") else { return path }
        return origin[...slash] + path
    }

    /// Standard input is the operator's too, and starts at the working folder.
    static func isFile(_ origin: String) -> Bool {
        origin == "-" || origin != "admin" && [".yaml", ".yml", ".json"].contains { origin.hasSuffix($0) }
    }
}
