package import GatewayModel
import GatewayWire

/// Records that leave the house with what proves them: JSON lines, the first of which says whose log it is, and the
/// last how many records there were. All of a log needs no proofs; of a selection each record brings its own.
package struct AuditBundle: Sendable {
    package static let format = "sluice-audit-bundle/2"
    /// Its leaves were hashes of whole records.
    static let earlierFormat = "sluice-audit-bundle/1"

    let folder: AuditFolder
    let checkpoint: Checkpoint
    private let verifier: NoteVerifier
    private let note: String
    /// How long the checkpoints are that its reader kept: it proves that the log grew from each.
    package var keptSizes: [Int] = []

    /// Throws when there is no log, or no checkpoint yet.
    package init(_ folder: AuditFolder) throws(GatewayError) {
        guard let verifier = folder.verifier, let note = folder.note(),
            let checkpoint = Checkpoint(note: note, by: verifier)
        else {
            throw GatewayError(
                .notFound, "no signed audit log in \(folder.path)",
                hint: "a gateway signs a second after its first record")
        }
        self.folder = folder
        self.verifier = verifier
        self.note = note
        self.checkpoint = checkpoint
    }

    /// The bundle, to be taken piece by piece. Without a filter it holds all records that the checkpoint covers.
    package func lines(filter: AuditFilter? = nil) -> AuditBundleLines { AuditBundleLines(self, filter) }

    /// One record and its proof.
    package func proof(of index: Int) throws -> [UInt8] {
        guard let entry = AuditReader(folder).entry(index), index < checkpoint.size else {
            throw GatewayError(
                .notFound, "no record \(index) under a checkpoint",
                hint: "the newest checkpoint covers \(checkpoint.size)")
        }
        var tiles = AuditTiles(folder, size: checkpoint.size)
        var out = try header(AuditTree(), isSelection: true) + [0x0A]
        out += try line(entry, &tiles, isSelection: true)
        out += Array("\n{\"end\":1}\n".utf8)
        return out
    }

    func header(_ tree: AuditTree, isSelection: Bool) throws -> [UInt8] {
        var object = JSONObject()
        object["checkpoint"] = .text(note)
        object["checkpoints"] = .array(earlierNotes().map { .text($0) })
        object["edge"] = .array(tree.edge.map { .array($0.map { .text($0.base64) }) })
        object["first"] = .integer(isSelection ? 0 : tree.count)
        object["format"] = .text(AuditBundle.format)
        object["key"] = .text(verifier.text)
        object["mode"] = .text(isSelection ? "selection" : "complete")
        if !keptSizes.isEmpty { object["consistency"] = .array(try consistency()) }
        return try CanonicalJSON.bytes(.object(object))
    }

    private func consistency() throws -> [JSONTree] {
        var tiles = AuditTiles(folder, size: checkpoint.size)
        return try keptSizes.filter { $0 > 0 && $0 < checkpoint.size }.map { size in
            let proof = try TreeProof.consistency(from: size, to: checkpoint.size) { tiles.hash($0, $1) }
            var object = JSONObject()
            object["proof"] = .array(proof.hashes.map { .text($0.base64) })
            object["size"] = .integer(size)
            return .object(object)
        }
    }

    /// A gateway that writes meanwhile may have signed for more than the bundle has.
    private func earlierNotes() -> [String] {
        folder.notes().filter { note in
            guard let earlier = Checkpoint(note: note, by: verifier) else { return true }
            return earlier.size <= checkpoint.size
        }
    }

    func line(_ entry: AuditEntry, _ tiles: inout AuditTiles, isSelection: Bool) throws -> [UInt8] {
        var out = Array(#"{"index":\#(entry.index),"#.utf8)
        if isSelection {
            let proof = try TreeProof.inclusion(of: entry.index, size: checkpoint.size) { tiles.hash($0, $1) }
            out += Array("\"proof\":[".utf8)
            out += Array(proof.hashes.map { "\"\($0.base64)\"" }.joined(separator: ",").utf8)
            out += Array("],".utf8)
        } else if let leaf = tiles.leaf(entry.index) {
            out += Array("\"leaf\":\"\(leaf.base64)\",".utf8)
        }
        out += Array("\"record\":".utf8) + entry.text
        out += Array(",\"salt\":\"\(Base64Text.encode(entry.salt))\"}".utf8)
        return out
    }
}
