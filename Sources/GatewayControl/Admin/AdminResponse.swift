import GatewayModel

/// The admin API's answer.
package struct AdminResponse: Sendable {
    package enum Body: Sendable {
        case bytes([UInt8])
        /// Sent as it comes; ends with the stream, or when the reader goes.
        case stream(AsyncStream<[UInt8]>)
    }

    package var status: Int
    package var fields: [(name: String, value: String)]
    package var body: Body
    /// What was changed, such as `created HTTPRoute default/app`: for the audit log.
    var changes: [String] = []

    package init(status: Int, fields: [(name: String, value: String)] = [], body: Body) {
        self.status = status
        self.fields = fields
        self.body = body
    }

    /// One JSON value. Nothing the admin API says may be kept by a cache.
    static func json(
        _ node: ConfigNode, status: Int = 200, type: String = "application/json",
        fields: [(name: String, value: String)] = []
    ) -> AdminResponse {
        AdminResponse(
            status: status, fields: [("content-type", type), ("cache-control", "no-store")] + fields,
            body: .bytes(Array((JSONPrinter.print(node) + "\n").utf8)))
    }

    static func stream(_ type: String, _ stream: AsyncStream<[UInt8]>) -> AdminResponse {
        AdminResponse(
            status: 200, fields: [("content-type", type), ("cache-control", "no-store")], body: .stream(stream))
    }

    static func empty(_ status: Int, fields: [(name: String, value: String)] = []) -> AdminResponse {
        AdminResponse(status: status, fields: fields, body: .bytes([]))
    }
}
