import GatewayModel
import Testing

@testable import GatewayControl

/// A small generator with a seed, so that a failure can be repeated.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var word = state
        word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
        word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
        return word ^ (word >> 31)
    }
}

@Suite("Damaged configuration is refused or read, never a crash")
struct MutationTests {
    static let alphabet = Array("{}[]:,-#&*!|>'\"%@`? \n\ta0~<=\\x/.".utf8) + [0x00, 0x7F, 0x80, 0xC3, 0xE2, 0xFF]

    @Test(.timeLimit(.minutes(1)), arguments: [UInt64(1), 2, 3, 4])
    func damage(_ seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let yaml = Array(exampleText.utf8)
        let json = Array(
            load(exampleText).set.objects.map { JSONPrinter.print($0.document) }.joined(separator: "\n").utf8)
        var refused = 0
        for round in 0..<400 {
            let isJSON = round.isMultiple(of: 2)
            var bytes = isJSON ? json : yaml
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                let byte = Self.alphabet.randomElement(using: &generator) ?? 0
                switch Int.random(in: 0..<4, using: &generator) {
                case 0: bytes[index] = byte
                case 1: bytes.insert(byte, at: index)
                case 2: bytes.remove(at: index)
                default: bytes.removeSubrange(index..<min(index + 20, bytes.count - 1))
                }
            }
            let load = ConfigurationLoad(texts: [
                ConfigurationLoad.Text(bytes: bytes, file: "f", syntax: isJSON ? .json : .yaml)
            ])
            if !load.isUsable { refused += 1 }
            for finding in load.diagnostics { #expect(finding.line > 0 && finding.column > 0, "\(finding)") }
            if load.isUsable {
                // What is read prints and reads as the same.
                for object in load.set.objects {
                    let text = YAMLPrinter.print(object.document)
                    var findings: [Diagnostic] = []
                    let again = DocumentReader.read(Array(text.utf8), file: "g", diagnostics: &findings)
                    #expect(again.count == 1 && ObjectDiff.fields(from: object.document, to: again[0]).isEmpty)
                }
            }
        }
        #expect(refused > 200)
    }
}
