package import GatewayModel

/// A request of the admin API, whole and bounded, whatever carried it.
package struct AdminRequest: Sendable {
    package var method: String
    /// As received, still percent-encoded.
    package var path: String
    /// Without the `?`.
    package var query: String
    package var fields: [(name: String, value: String)]
    package var body: [UInt8]
    /// The client's address; `unix` for a process on this machine, which then is `localPeer`.
    package var source = ""
    package var localPeer: LocalPeer?
    /// SHA-256 of the client's certificate, hexadecimal, where it showed one that is believed.
    package var certificate: String?
    /// What ties the records of one request together.
    package var id: (UInt64, UInt64) = (0, 0)

    package init(
        method: String = "GET", path: String, query: String = "", fields: [(name: String, value: String)] = [],
        body: [UInt8] = []
    ) {
        self.method = method
        self.path = path
        self.query = query
        self.fields = fields
        self.body = body
    }

    /// The first value of a field, by its lower-case name.
    func field(_ name: String) -> String? { fields.first { $0.name.lowercased() == name }?.value }

    /// Every value of a list field, split at commas.
    func list(_ name: String) -> [String] {
        fields.filter { $0.name.lowercased() == name }
            .flatMap { $0.value.split(separator: ",") }
            .map { String($0.drop { $0 == " " || $0 == "\t" }.trimmingSuffix { $0 == " " || $0 == "\t" }) }
            .filter { !$0.isEmpty }
    }

    /// The media type of the body, lower case, without parameters.
    var mediaType: String {
        let value = field("content-type") ?? ""
        return value.prefix { $0 != ";" }.trimmingSuffix { $0 == " " }.lowercased()
    }
}

extension Substring {
    fileprivate func trimmingSuffix(_ isTrimmed: (Character) -> Bool) -> Substring {
        var copy = self
        while let last = copy.last, isTrimmed(last) { copy.removeLast() }
        return copy
    }
}
