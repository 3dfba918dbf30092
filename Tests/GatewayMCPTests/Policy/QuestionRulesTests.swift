import GatewayWire
import Testing

@testable import GatewayMCP

@Suite("a server's question reaches a client that can answer it, unless nobody may ask it")
struct QuestionRulesTests {
    private static func form(_ message: String, _ properties: String) -> String {
        "{\"message\":\"\(message)\",\"requestedSchema\":{\"type\":\"object\",\"properties\":{\(properties)}}}"
    }

    private static func schema(_ members: String) -> String {
        "{\"message\":\"Hello\",\"requestedSchema\":{\"type\":\"object\",\(members)}}"
    }

    private static func page(_ url: String) -> String { "{\"mode\":\"url\",\"url\":\"\(url)\",\"message\":\"m\"}" }

    private static func problem(_ params: String) throws -> String? {
        QuestionRules.problem("elicitation/create", try JSONTree.parse(Array(params.utf8)))
    }

    @Test(arguments: [
        form("Hello", "\"password\":{\"type\":\"string\"}"),
        form("Hello", "\"a\":{\"type\":\"string\",\"title\":\"API key\"}"),
        form("Hello", "\"a\":{\"type\":\"string\",\"description\":\"your credit-card number\"}"),
        form("Hello", "\"a\":{\"type\":\"string\",\"format\":\"password\"}"),
        form("Hello", "\"mypassword\":{\"type\":\"string\"}"), form("Your DBPassword", "\"a\":{\"type\":\"string\"}"),
        form("Your Credit\\nCARD", "\"a\":{\"type\":\"string\"}"),
        form("Type your password, please", "\"answer\":{\"type\":\"string\"}"),
        form("Hello", "\"smsOtp\":{\"type\":\"string\"}"), page("javascript:alert(1)"), page("file:///etc/passwd"),
        page("http://example.com/login"), page("https://github.com@evil.example/login"),
        page("https://xn--gthub-n4a.com/"), page("https://g\u{456}thub.com/"),
        page("https://evil.example\\\\@github.com"),
        page("https:///login"), page("https://%67ithub.com/"), page(""),
        form("Hello", "\"password\":{\"type\":[\"string\"]}"), form("Hello", "\"password\":{}"),
        form("Hello", "\"password\":true"), form("Hello", "\"password\":{\"$ref\":\"#/$defs/a\"}"),
        "{\"message\":\"m\",\"requestedSchema\":{\"$ref\":\"#/$defs/a\"}}", "[\"password\"]",
        "{\"message\":\"m\",\"requestedSchema\":{\"type\":\"object\",\"properties\":[1]}}",
        form(String(repeating: "\\n", count: 5_000) + "Please enter your password", "\"answer\":{\"type\":\"string\"}"),
        form("Please enter your pass\u{200B}word", "\"answer\":{\"type\":\"string\"}"),
        form("Hello", "\"\(String(repeating: "x", count: 5_000))_pin\":{\"type\":\"string\"}"),
        form("Hello", "\"pin\":{\"type\":\"integer\"}"), form("Hello", "\"card_number\":{\"type\":\"number\"}"),
        form("Hello", "\"cvv\":{\"type\":\"integer\"}"), form("Your credit card number", "\"a\":{\"type\":\"number\"}"),
        form("Hello", "\"login\":{\"type\":\"object\",\"properties\":{\"password\":{\"type\":\"string\"}}}"),
        form("Hello", "\"login\":{\"type\":[\"object\",\"null\"]}"), form("Hello", "\"login\":{\"properties\":{}}"),
        form("Hello", "\"login\":{\"anyOf\":[{\"type\":\"object\"},{\"type\":\"null\"}]}"),
        form("Hello", "\"password\":{\"oneOf\":[{\"type\":\"string\"}]}"),
        form("Hello", "\"password\":{\"oneOf\":[{\"const\":\"a\"},{\"type\":\"string\"}]}"),
        form("Hello", "\"password\":{\"oneOf\":[]}"), form("Hello", "\"password\":{\"type\":\"string\",\"enum\":[]}"),
        form("Hello", "\"password\":{\"type\":[\"boolean\",\"string\"]}"),
        form("Hello", "\"pin\":{\"type\":\"array\",\"enum\":[\"a\"],\"items\":{\"type\":\"string\"}}"),
        form("Hello", "\"a\":{\"anyOf\":[{\"type\":\"string\",\"title\":\"Password\"},{\"type\":\"null\"}]}"),
        schema("\"properties\":{},\"additionalProperties\":{\"type\":\"string\",\"title\":\"Password\"}"),
        schema("\"properties\":{\"a\":{\"type\":\"boolean\"}},\"dependentSchemas\":{\"a\":{}}"),
        schema("\"title\":\"Enter your password\",\"properties\":{\"a\":{\"type\":\"string\"}}"),
        schema("\"description\":\"Your API key\",\"properties\":{\"a\":{\"type\":\"string\"}}"),
        schema("\"$defs\":{\"A\":{\"title\":\"Password\"}},\"properties\":{\"a\":{\"$ref\":\"#/$defs/A\"}}"),
        schema("\"$defs\":{\"A\":{\"type\":\"object\"}},\"properties\":{\"a\":{\"$ref\":\"#/$defs/A\"}}"),
        "{\"mode\":\"URL\",\"url\":\"javascript:alert(1)\",\"message\":\"m\"}", "{\"mode\":1,\"message\":\"m\"}",
    ])
    func `what nobody may ask`(_ params: String) throws { #expect(try Self.problem(params) != nil) }

    @Test(arguments: [
        form("What is your name?", "\"name\":{\"type\":\"string\"}"),
        form("Change the password now?", "\"yes\":{\"type\":\"boolean\"}"),
        form("Which token counter?", "\"choice\":{\"type\":\"string\",\"enum\":[\"a\",\"b\"]}"),
        form("Which pins?", "\"pin\":{\"type\":\"array\",\"items\":{\"type\":\"string\",\"enum\":[\"a\"]}}"),
        form("Pin this?", "\"pinned\":{\"type\":\"boolean\"}"), page("https://github.com/login?a=b@c#d"),
        page("http://127.0.0.1:8080/x"), page("http://[::1]:9/x"), page("HTTPS://Example.com"),
        form("How many rows shall I discard? Number them from 1.", "\"rows\":{\"type\":\"integer\"}"),
        form("Choose a postcard number", "\"rows\":{\"type\":\"integer\"}"),
        form("Hello", "\"a\":{\"type\":\"integer\",\"description\":\"Skip in code review when larger\"}"),
        form("How many?", "\"count\":{\"type\":\"integer\"}"), form("Hello", "\"object\":{\"type\":\"string\"}"),
        form("Hello", "\"properties\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}],\"default\":null}"),
        form("Which password?", "\"a\":{\"type\":\"string\",\"oneOf\":[{\"const\":\"x\",\"title\":\"X\"}]}"),
        form(String(repeating: "A plan. ", count: 1_000), "\"answer\":{\"type\":\"string\"}"),
        schema("\"properties\":{\"a\":{\"type\":\"string\"}},\"additionalProperties\":false,\"title\":\"Name\""),
        "{\"mode\":\"form\",\"message\":\"m\"}",
    ])
    func `what may be asked`(_ params: String) throws { #expect(try Self.problem(params) == nil) }

    @Test(arguments: [
        ("{}", "elicitation/create", "{}", false), ("{\"elicitation\":{}}", "elicitation/create", "{}", true),
        ("{\"elicitation\":{}}", "elicitation/create", page("https://a.example"), false),
        ("{\"elicitation\":{\"url\":{}}}", "elicitation/create", page("https://a.example"), true),
        ("{\"elicitation\":{\"url\":{}}}", "elicitation/create", "{\"mode\":\"form\"}", false),
        ("{\"elicitation\":{\"form\":{},\"url\":{}}}", "elicitation/create", "{\"mode\":\"form\"}", true),
        ("{\"sampling\":{}}", "sampling/createMessage", "{}", true),
        ("{\"sampling\":{}}", "sampling/createMessage", "{\"tools\":[]}", false),
        ("{\"sampling\":{\"tools\":{}}}", "sampling/createMessage", "{\"tools\":[]}", true),
        ("{\"roots\":{}}", "roots/list", "{}", true), ("{\"roots\":{}}", "made/up", "{}", false),
    ])
    func `what a client can`(_ capabilities: String, _ method: String, _ params: String, _ isAsked: Bool) throws {
        let caller = ServerCaller(owner: "o", capabilities: Array(capabilities.utf8))
        #expect(AskedClient(caller).mayBeAsked(method, try JSONTree.parse(Array(params.utf8))) == isAsked)
    }
}
