import Foundation
import GatewayModel
import GatewayWire

@testable import GatewayLLM

/// Pairs of files beside this one: `Golden/NAME.in.json` is what comes, `Golden/NAME.out.json` what must come out. With
/// `SLUICE_RECORD_GOLDEN=1` the second is written anew, to be read before it is kept.
enum Golden {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Golden")

    static func names(_ prefix: String) -> [String] {
        let files = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
        return files.filter { $0.hasPrefix(prefix) && $0.hasSuffix(".in.json") }.map { String($0.dropLast(8)) }.sorted()
    }

    static func input(_ name: String) throws -> JSONTree { try read(name + ".in.json") }

    static func read(_ file: String) throws -> JSONTree {
        try JSONTree.parse([UInt8](try Data(contentsOf: folder.appendingPathComponent(file))))
    }

    /// What differs from the golden output, nil if nothing does.
    static func difference(_ name: String, _ tree: JSONTree) throws -> String? {
        let file = name + ".out.json"
        if ProcessInfo.processInfo.environment["SLUICE_RECORD_GOLDEN"] != nil {
            try Data((pretty(tree, 0) + "\n").utf8).write(to: folder.appendingPathComponent(file))
            return nil
        }
        let wanted = try read(file)
        return wanted == tree ? nil : "\(file): wanted \(wanted.compactText)\nfound \(tree.compactText)"
    }

    /// Objects and arrays that fit on a line stay on it.
    static func pretty(_ tree: JSONTree, _ depth: Int) -> String {
        let flat = tree.compactText
        if flat.utf8.count + depth * 2 < 100 { return flat }
        let inner = String(repeating: "  ", count: depth + 1)
        let outer = String(repeating: "  ", count: depth)
        switch tree {
        case .array(let items):
            return "[\n" + items.map { inner + pretty($0, depth + 1) }.joined(separator: ",\n") + "\n\(outer)]"
        case .object(let object):
            let members = object.members.map {
                inner + JSONTree.string($0.name).compactText + ": " + pretty($0.value, depth + 1)
            }
            return "{\n" + members.joined(separator: ",\n") + "\n\(outer)}"
        default: return flat
        }
    }

    static let createdSeconds = 1_700_000_000

    static func options(
        _ client: ConversationAPI, model: String? = nil, outputTokensMax: Int? = nil
    ) -> TranslationOptions {
        TranslationOptions(
            providerModel: model ?? (client == .messages ? "gpt-5-mini" : "claude-sonnet-4-5"), clientModel: "fast",
            createdSeconds: createdSeconds, outputTokensMax: outputTokensMax)
    }

    static func translator(
        _ client: ConversationAPI, model: String? = nil, outputTokensMax: Int? = nil
    ) -> Translator {
        Translator(
            client: client, provider: client == .messages ? .chatCompletions : .messages,
            options: options(client, model: model, outputTokensMax: outputTokensMax))
    }
}

extension TranslationLosses {
    var tree: JSONTree {
        .array(all.map { .text(($0.weight == .hint ? "hint " : "") + $0.field + ": " + $0.reason) })
    }
}

/// A translator of streams fed with events written as text, as a provider sends them.
struct StreamRun {
    var stream: StreamTranslator
    var out: [UInt8] = []
    var outcome = StreamTranslator.Outcome.goesOn

    init(_ client: ConversationAPI, request: String? = nil) throws {
        let translator = Golden.translator(client)
        var plain = GoldenTests.plain(client).object ?? [:]
        plain["stream"] = true
        let body = request.map { Array($0.utf8) } ?? JSONTree.object(plain).bytes
        stream = translator.makeStream(for: try translator.request(body.span))
    }

    mutating func receive(_ data: String, event: String = "") throws {
        outcome = try stream.receive(event: Array(event.utf8).span, data: Array(data.utf8).span, into: &out)
    }

    mutating func receive(_ tree: JSONTree) throws { try receive(tree.compactText) }

    /// The events the client sees, each with its data as a tree; `[DONE]` is a string.
    var events: [JSONTree] {
        get throws {
            try String(decoding: out, as: UTF8.self).split(separator: "\n\n").map { event in
                guard let data = event.split(separator: "\n").first(where: { $0.hasPrefix("data: ") })?.dropFirst(6)
                else { return "no data" }
                return data == "[DONE]" ? "[DONE]" : try JSONTree.parse(Array(data.utf8))
            }
        }
    }
}
