import GatewayWire

/// How far somebody has read the log: the number of the next record. Kept by name, so that a restart goes on there.
package struct AuditCursor: Sendable, Equatable {
    package var next: Int

    package init(next: Int) { self.next = next }

    /// Zero where nothing is kept.
    static func load(_ name: String, in folder: AuditFolder) -> AuditCursor {
        let bytes = AuditFiles.read("\(folder.cursors)/\(name)", bytesMax: 64) ?? []
        let text = String(decoding: bytes.prefix { $0 != 0x0A }, as: UTF8.self)
        return AuditCursor(next: max(0, Int(text) ?? 0))
    }

    func save(_ name: String, in folder: AuditFolder) throws(AuditFiles.Failure) {
        try AuditFiles.makeFolder(folder.cursors)
        try AuditFiles.replace("\(folder.cursors)/\(name)", Array("\(next)\n".utf8))
    }
}
