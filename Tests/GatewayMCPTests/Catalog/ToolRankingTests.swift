import Testing

@testable import GatewayMCP

@Suite("tools are found by what they do")
struct ToolRankingTests {
    private static let tools: [(name: String, title: String, description: String)] = [
        ("get_weather", "Weather", "The forecast for a city."), ("sendEmail", "", "Sends an e-mail to somebody."),
        ("list_invoices", "Invoices", "Lists invoices of a customer."), ("delete_invoice", "", "Deletes one invoice."),
        ("get_time", "", "The time in a city."),
    ]

    @Test(arguments: [
        ("weather forecast", "get_weather"), ("send an email", "sendEmail"), ("delete invoice", "delete_invoice"),
        ("EMAIL", "sendEmail"), ("what time is it in the city", "get_time"), ("invoic", "list_invoices"),
    ])
    func `the best comes first`(_ query: String, _ name: String) {
        let found = ToolRanking(Self.tools).best(query, countMax: 3)
        #expect(found.first.map { Self.tools[$0.index].name } == name)
    }

    @Test func `what has none of the words is not found`() {
        #expect(ToolRanking(Self.tools).best("quantum", countMax: 3).isEmpty)
        #expect(ToolRanking(Self.tools).best("", countMax: 3).isEmpty)
        #expect(ToolRanking([ToolRanking.Entry]()).best("weather", countMax: 3).isEmpty)
    }

    @Test func `names are taken apart`() {
        #expect(ToolRanking.words("getHTTPStatus_of-v2") == ["get", "httpstatus", "of", "v2"])
    }
}
