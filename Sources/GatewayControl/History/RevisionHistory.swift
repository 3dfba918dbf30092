import Foundation
import GatewayModel

/// Numbered states in `STATE/history`, the newest few kept. Files are for their owner only: they hold secrets.
struct RevisionHistory {
    private let folder: String
    private let countMax: Int
    private let limits: Limits

    init(stateFolder: String, countMax: Int = 50, limits: Limits = .standard) throws(GatewayError) {
        folder = "\(stateFolder)/history"
        self.countMax = max(countMax, 2)
        self.limits = limits
        try PrivateFile.createFolder(stateFolder)
        try PrivateFile.createFolder(folder)
    }

    /// The numbers that are there, ascending.
    func revisions() -> [Int] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.compactMap { $0.hasSuffix(".json") ? Int($0.dropLast(5)) : nil }.sorted()
    }

    /// Nil when the revision is not there or cannot be read whole.
    func record(_ revision: Int) -> RevisionRecord? {
        guard let data = FileManager.default.contents(atPath: path(of: revision)) else { return nil }
        return Self.decode(Array(data), file: path(of: revision), limits: limits)
    }

    /// The newest revision that can be read; a torn or damaged one is passed over.
    func newest() -> RevisionRecord? {
        for revision in revisions().reversed() {
            if let record = record(revision) { return record }
        }
        return nil
    }

    func append(_ record: RevisionRecord) throws(GatewayError) {
        let text = JSONPrinter.print(Self.encode(record), pretty: true)
        try PrivateFile.write(Array(text.utf8), to: path(of: record.revision))
        for old in revisions().dropLast(countMax) { try? FileManager.default.removeItem(atPath: path(of: old)) }
    }

    private func path(of revision: Int) -> String {
        let digits = String(revision)
        return "\(folder)/\(String(repeating: "0", count: max(0, 8 - digits.count)))\(digits).json"
    }

    // MARK: - Format

    private static func encode(_ record: RevisionRecord) -> ConfigNode {
        let items = record.items.map { item -> ConfigNode in
            var origin = ConfigNode.text("overlay")
            if case .file(let path) = item.entry.origin { origin = .text("file:\(path)") }
            return .object([
                ("origin", origin), ("resourceVersion", .text(item.entry.resourceVersion)),
                ("place", encode(item.object.position)), ("document", item.object.document),
            ])
        }
        return .object([
            ("revision", .integer(record.revision)), ("time", .integer(record.time)),
            ("cause", .text(record.cause.description)),
            ("changes", .list(record.changes.map(encode))), ("objects", .list(items)),
        ])
    }

    private static func encode(_ position: SourcePosition) -> ConfigNode {
        .object([
            ("file", .text(position.file)), ("line", .integer(position.line)), ("column", .integer(position.column)),
        ])
    }

    private static func encode(_ change: ObjectChange) -> ConfigNode {
        .object([
            ("kind", .text(change.kind.rawValue)), ("group", .text(change.key.group)),
            ("objectKind", .text(change.key.kind)), ("namespace", .text(change.key.namespace)),
            ("name", .text(change.key.name)),
        ])
    }

    private static func decode(_ bytes: [UInt8], file: String, limits: Limits) -> RevisionRecord? {
        var diagnostics: [Diagnostic] = []
        var limits = limits
        // The record wraps documents that were at their own limit.
        limits.configurationDepthMax += 8
        limits.configurationBytesMax *= 4
        let documents = DocumentReader.read(
            bytes, file: file, syntax: .json, limits: limits, unfolding: false, diagnostics: &diagnostics)
        guard let root = documents.first, let revision = integer(root["revision"]) else { return nil }
        var items: [RevisionRecord.Item] = []
        for element in root["objects"]?.elements ?? [] {
            guard let document = element["document"], let written = element["origin"]?.string else { return nil }
            let origin = written.hasPrefix("file:") ? StoredEntry.Origin.file(String(written.dropFirst(5))) : .overlay
            let placed = document.placed(at: place(element["place"], origin))
            guard case .object(let object) = GatewayObject.decode(placed, diagnostics: &diagnostics) else { return nil }
            let entry = StoredEntry(
                resourceVersion: element["resourceVersion"]?.string ?? String(revision), origin: origin)
            items.append(RevisionRecord.Item(object: object, entry: entry))
        }
        let changes = (root["changes"]?.elements ?? []).compactMap { node -> ObjectChange? in
            guard let kind = node["kind"]?.string.flatMap(ObjectChange.Kind.init(rawValue:)) else { return nil }
            let key = ObjectKey(
                group: node["group"]?.string ?? "", kind: node["objectKind"]?.string ?? "",
                namespace: node["namespace"]?.string ?? "", name: node["name"]?.string ?? "")
            return ObjectChange(key: key, kind: kind, fields: [])
        }
        return RevisionRecord(
            revision: revision, time: integer(root["time"]) ?? 0, cause: ChangeCause(root["cause"]?.string ?? ""),
            changes: changes, items: items)
    }

    /// Where an object stood when it was written down: the files it names are found from there, and findings name it.
    private static func place(_ node: ConfigNode?, _ origin: StoredEntry.Origin) -> SourcePosition {
        if let file = node?["file"]?.string, let line = integer(node?["line"]), let column = integer(node?["column"]) {
            return SourcePosition(file: file, line: line, column: column)
        }
        // A record of a version that did not keep places.
        if case .file(let path) = origin { return SourcePosition(file: path, line: 1, column: 1) }
        return SourcePosition(file: "admin", line: 1, column: 1)
    }

    private static func integer(_ node: ConfigNode?) -> Int? {
        if case .number(let text)? = node?.value { Int(text) } else { nil }
    }
}

extension ConfigNode {
    /// The same values, all of them at one place.
    fileprivate func placed(at position: SourcePosition) -> ConfigNode {
        switch value {
        case .sequence(let elements):
            ConfigNode(.sequence(elements.map { $0.placed(at: position) }), at: position)
        case .mapping(let fields):
            ConfigNode(
                .mapping(
                    fields.map {
                        Field(key: $0.key, keyPosition: position, value: $0.value.placed(at: position))
                    }), at: position)
        default: ConfigNode(value, at: position)
        }
    }
}
