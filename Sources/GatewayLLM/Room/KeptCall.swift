import GatewayModel
import GatewayState
import GatewayWire

/// What can be asked about files, uploads and batches, by path: nothing else is let through, since for nothing else is
/// it known whose it is.
package enum KeptCall: Sendable, Equatable {
    case files, file, fileContent
    case uploads, uploadParts, uploadComplete, uploadCancel
    case batches, batch, batchCancel

    private static let first: [(name: StaticString, all: KeptCall, one: KeptCall?, of: [(StaticString, KeptCall)])] = [
        ("files", .files, .file, [("content", .fileContent)]),
        (
            "uploads", .uploads, nil,
            [("parts", .uploadParts), ("complete", .uploadComplete), ("cancel", .uploadCancel)]
        ),
        ("batches", .batches, .batch, [("cancel", .batchCancel)]),
    ]

    /// The call at the parts of a path, and the id in it; nil for none.
    static func find(_ words: [ArraySlice<UInt8>]) -> (call: KeptCall, id: [UInt8])? {
        guard let name = words.first, let entry = first.first(where: { $0.name.isText(name) }) else { return nil }
        switch words.count {
        case 1: return (entry.all, [])
        case 2: return entry.one.map { ($0, Array(words[1])) }
        case 3: return entry.of.first { $0.0.isText(words[2]) }.map { ($0.1, Array(words[1])) }
        default: return nil
        }
    }

    var methods: [GatewayWire.HTTPMethod] {
        switch self {
        case .files, .batches: [.get, .post]
        case .file: [.get, .delete]
        case .fileContent, .batch: [.get]
        case .uploads, .uploadParts, .uploadComplete, .uploadCancel, .batchCancel: [.post]
        }
    }

    var operation: ModelOperation {
        switch self {
        case .batches, .batch, .batchCancel: .batches
        default: .files
        }
    }

    /// What its id is one of.
    var kind: ProviderObject.Kind {
        switch self {
        case .files, .file, .fileContent: .file
        case .uploads, .uploadParts, .uploadComplete, .uploadCancel: .upload
        case .batches, .batch, .batchCancel: .batch
        }
    }

    /// What the `id` in its answer is one of; nil for parts, which are named by this upload only, and for content,
    /// which is what its owner wrote: to mark that would make somebody else's file his.
    var told: ProviderObject.Kind? {
        switch self {
        case .fileContent: nil
        // Their ids are named among files.
        case .uploadParts: .file
        default: kind
        }
    }

    var takesForm: Bool { self == .files || self == .uploadParts }

    func path(_ id: [UInt8]) -> [UInt8] {
        for entry in KeptCall.first {
            if entry.all == self { return [0x2F] + entry.name.bytes }
            if entry.one == self { return [0x2F] + entry.name.bytes + [0x2F] + id }
            if let action = entry.of.first(where: { $0.1 == self })?.0 {
                return [0x2F] + entry.name.bytes + [0x2F] + id + [0x2F] + action.bytes
            }
        }
        return []
    }
}

extension StaticString {
    fileprivate var bytes: [UInt8] { Array(description.utf8) }
    fileprivate func isText(_ text: ArraySlice<UInt8>) -> Bool { text.elementsEqual(description.utf8) }
}
