import ArgumentParser
import GatewayIdentity
import GatewayModel

/// `sluice key hash`.
struct KeyHash: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "hash", abstract: "Print the line of an API key file that accepts a key.",
        discussion: """
            Reads the key from standard input, so that it stands in no history: printf %s KEY | sluice key hash \
            --id ci. With --generate it makes one and shows it on standard error, once.
            """)

    @Option(help: "The key's name in records and errors.")
    var id: String

    @Option(help: "Who calls with it.")
    var user: String?

    @Option(help: "The tenant.")
    var tenant: String?

    @Option(help: "The agent.")
    var agent: String?

    @Option(help: "Groups, with commas between.")
    var groups: String?

    @Option(help: "Until when it is good, such as 2027-01-31T00:00:00Z.")
    var expires: String?

    @Flag(help: "Make a new key.")
    var generate = false

    func run() async throws {
        let key = generate ? Self.newKey() : Self.givenKey()
        guard key.utf8.count >= 16 else {
            throw GatewayError(.usage, "the key is shorter than 16 bytes", hint: "use --generate")
        }
        var line = "\(id) \(APIKeySet.digestText(of: key))"
        let fields = [
            ("user", user), ("tenant", tenant), ("agent", agent), ("groups", groups), ("expires", expires),
        ]
        for (name, value) in fields { if let value { line += " \(name)=\(value)" } }
        // The file's own reader has the last word: what it refuses must not be printed.
        _ = try APIKeyFile.parse(Array(line.utf8), name: "key")
        if generate { Terminal.error("key: \(key)") }
        Terminal.out(line)
    }

    private static func givenKey() -> String {
        var bytes = Terminal.input(bytesMax: APIKeySet.keyBytesMax + 1)
        while let last = bytes.last, last == 0x0A || last == 0x0D { bytes.removeLast() }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func newKey() -> String {
        var generator = SystemRandomNumberGenerator()
        let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")
        return "slk_" + String((0..<43).compactMap { _ in letters.randomElement(using: &generator) })
    }
}
