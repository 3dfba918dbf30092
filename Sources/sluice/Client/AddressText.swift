import GatewayModel
import GatewayWorkbench

/// `HOST:PORT` or `unix:PATH`.
enum AddressText {
    static func parse(_ text: String) throws(GatewayError) -> Address {
        if text.hasPrefix("unix:") { return .unix(path: String(text.dropFirst(5))) }
        guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
            (1...65_535).contains(port), colon != text.startIndex
        else { throw GatewayError(.usage, "not HOST:PORT or unix:PATH: \(text)") }
        let host = text[..<colon]
        let isBracketed = host.hasPrefix("[") && host.hasSuffix("]")
        return .host(String(isBracketed ? host.dropFirst().dropLast() : host), port: port)
    }
}
