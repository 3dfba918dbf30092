import GatewayWire
import Testing

@testable import GatewayMCP

@Suite("what a person does not see in a definition is found")
struct HiddenTextTests {
    private func suspicion(_ text: String) -> String? {
        HiddenText.suspicion(["name": "t", "description": .text(text)])
    }

    @Test(arguments: [
        "a\u{200D}b", "read\u{200D}", "\u{200D}read", "a\u{200C}b", "1\u{200D}2", "a\u{FE00}b", "a\u{FE0F}",
        "\u{26A0}\u{FE0F}\u{FE0F}", "a\u{034F}b", "\u{061C}a", "\u{3164}", "a\u{FFA0}", "\u{115F}", "\u{1160}",
        "a\u{200B}b", "\u{202E}abc", "\u{2066}a\u{2069}", "\u{E0041}\u{E0042}", "\u{FEFF}a", "\u{206A}", "\u{2800}",
        "\u{180B}", "\u{1D173}", "\u{E0100}", "a\u{AD}b", "\u{1F600}\u{200D}a", "a\u{200D}\u{1F600}", "\u{7F}",
        "\u{1B}[8m",
    ])
    func `invisible`(_ text: String) { #expect(suspicion(text) == "invisible characters in description") }

    @Test(arguments: [
        // Family, flag, warning sign, keycap, woman with a tone at a computer, heart on fire.
        "\u{1F468}\u{200D}\u{1F469}\u{200D}\u{1F467}", "\u{1F3F3}\u{FE0F}\u{200D}\u{1F308}", "\u{26A0}\u{FE0F} careful",
        "1\u{FE0F}\u{20E3}", "\u{1F469}\u{1F3FD}\u{200D}\u{1F4BB}", "\u{2764}\u{FE0F}\u{200D}\u{1F525}",
        // Persian and Hindi need joiners.
        "\u{0645}\u{06CC}\u{200C}\u{062E}\u{0648}\u{0627}\u{0647}\u{0645}", "\u{0915}\u{094D}\u{200D}\u{0937}",
        "Wetter für Zürich", "天気予報", "line\nand\ttab",
    ])
    func `as people write`(_ text: String) { #expect(suspicion(text) == nil) }

    @Test(arguments: ["echo ", " echo", "echo\n", "ec\tho", "ech\u{7F}o", "еcho"])
    func `a name that looks like another`(_ name: String) {
        #expect(HiddenText.suspicion(["name": .text(name)])?.hasPrefix("its name has") == true)
    }

    @Test(arguments: ["echo", "Get Weather", "a.b/c-d_e"])
    func `a name as people write it`(_ name: String) { #expect(HiddenText.suspicion(["name": .text(name)]) == nil) }
}
