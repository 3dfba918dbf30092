import GatewayModel
import GatewayWorkbench

/// `name: value`, as curl's -H takes it.
enum HeaderText {
    static func parse(_ text: String) throws(GatewayError) -> Header {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty else {
            throw GatewayError(.usage, "not a header: \(text)", hint: "write 'name: value'")
        }
        return Header(String(parts[0]), String(parts[1].drop { $0 == " " }))
    }
}
