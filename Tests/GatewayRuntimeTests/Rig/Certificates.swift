import Foundation

/// An authority and the certificates it signs, made by the system's openssl for one test.
struct Certificates {
    let authority: String
    private let folder: URL

    /// `names` are subject alternative names: `DNS:a.example,IP:127.0.0.1`.
    static func make(_ body: (Certificates) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appending(path: "sluice-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try run(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem \
              -subj /CN=test-authority -days 2
            """, folder)
        try await body(Certificates(authority: read(folder, "ca.pem"), folder: folder))
    }

    func issue(_ names: String, subject: String = "/CN=leaf") throws -> (certificate: String, key: String) {
        let leaf = UUID().uuidString
        try Certificates.run(
            """
            openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout \(leaf).key -out \(leaf).csr \
              -subj '\(subject)'
            printf 'subjectAltName=\(names)\\n' > \(leaf).ext
            openssl x509 -req -in \(leaf).csr -CA ca.pem -CAkey ca.key -CAcreateserial -out \(leaf).pem -days 2 \
              -extfile \(leaf).ext
            """, folder)
        return (try Certificates.read(folder, "\(leaf).pem"), try Certificates.read(folder, "\(leaf).key"))
    }

    /// The text as a YAML block value, indented.
    static func block(_ text: String, indent: Int) -> String {
        text.split(separator: "\n").map { String(repeating: " ", count: indent) + $0 }.joined(separator: "\n")
    }

    private static func read(_ folder: URL, _ name: String) throws -> String {
        try String(contentsOf: folder.appending(path: name), encoding: .utf8)
    }

    private static func run(_ script: String, _ folder: URL) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/bin/sh")
        process.arguments = ["-ec", script]
        process.currentDirectoryURL = folder
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
    }
}
