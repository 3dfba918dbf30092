import GatewayModel
import Testing

@Suite("money is exact")
struct MoneyTests {
    @Test(
        arguments: [
            ("5.00", 5_000_000_000_000), ("0.025", 25_000_000_000), ("1.25e-07", 125_000), ("0.000000000001", 1),
            ("0", 0), ("1e3", 1_000_000_000_000_000), (".5", 500_000_000_000), ("12.", 12_000_000_000_000),
        ] as [(String, Int128)])
    func `decimal dollars are read`(text: String, picodollars: Int128) {
        #expect(Money(dollars: text) == Money(picodollars: picodollars))
    }

    @Test(arguments: ["", ".", "-1", "1,5", "1.2.3", "0x10", "1e", "1e999", "0.0000000000001", "1e12", "NaN", " 1"])
    func `what is no amount is refused`(text: String) {
        #expect(Money(dollars: text) == nil)
    }

    @Test func `a price per million is a whole number for one`() {
        #expect(Money(dollarsPerMillion: "0.025") == Money(picodollars: 25_000))
        #expect(Money(dollarsPerMillion: "0.0000001") == nil)
        #expect(Money(dollarsPerMillion: "0.25").map { $0 * 1_000_000 } == Money(dollars: "0.25"))
    }

    @Test(arguments: ["5", "0.000125", "1.5", "0", "123456.000000000001"])
    func `it is written as it was read`(text: String) {
        #expect(Money(dollars: text)?.description == text)
    }

    @Test func `a debt has a sign`() {
        #expect((Money.zero - Money(picodollars: 1)).description == "-0.000000000001")
    }
}
