import ArgumentParser
import Foundation
import GatewayControl
import GatewayModel

/// `sluice schema`.
struct ConfigurationSchema: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "schema", abstract: "Print the JSON Schema of a kind, or of a whole configuration, for editors.")

    @Argument(help: "A kind, such as HTTPRoute; all of them by default.")
    var kind: String?

    @Option(name: .shortAndLong, help: "Write to this file, or one file per kind to this folder.", completion: .file())
    var output: String?

    func run() async throws {
        let kinds = try kind.map { [try KindName.resolve($0)] } ?? ObjectKind.allCases
        let schema = kinds.count == 1 ? kinds[0].jsonSchema : Self.whole(kinds)
        guard let output else { return Terminal.out(JSONPrinter.print(schema, pretty: true)) }
        var isFolder: ObjCBool = false
        let exists = unsafe FileManager.default.fileExists(atPath: output, isDirectory: &isFolder)
        guard output.hasSuffix("/") || (exists && isFolder.boolValue) else { return try save(schema, to: output) }
        do {
            try FileManager.default.createDirectory(atPath: output, withIntermediateDirectories: true)
        } catch {
            throw GatewayError(.unreadableFile, "cannot create folder \"\(output)\"")
        }
        let folder = output.hasSuffix("/") ? output : output + "/"
        for kind in kinds { try save(kind.jsonSchema, to: "\(folder)\(kind.rawValue.lowercased()).schema.json") }
    }

    /// One schema for any document: the kind decides which one holds.
    static func whole(_ kinds: [ObjectKind]) -> ConfigNode {
        let branches = kinds.map { kind -> ConfigNode in
            .object([
                (
                    "if",
                    .object([
                        (
                            "properties",
                            .object([("kind", .object([("const", .text(kind.rawValue))]))])
                        )
                    ])
                ),
                ("then", kind.jsonSchema),
            ])
        }
        return .object([
            ("$schema", .text("https://json-schema.org/draft/2020-12/schema")), ("title", .text("Sluice")),
            ("type", .text("object")), ("required", .list([.text("apiVersion"), .text("kind"), .text("metadata")])),
            (
                "properties",
                .object([
                    (
                        "kind",
                        .object([
                            ("type", .text("string")), ("enum", .list(kinds.map { .text($0.rawValue) })),
                        ])
                    )
                ])
            ),
            ("allOf", .list(branches)),
        ])
    }

    private func save(_ schema: ConfigNode, to file: String) throws(GatewayError) {
        do {
            try Data(JSONPrinter.print(schema, pretty: true).utf8).write(to: URL(filePath: file))
        } catch {
            throw GatewayError(.unreadableFile, "cannot write \"\(file)\"", hint: "check its folder and permissions")
        }
    }
}
