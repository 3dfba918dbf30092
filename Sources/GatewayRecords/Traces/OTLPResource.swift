/// Who sends the telemetry: the `Resource` of every message.
package struct OTLPResource: Sendable, Equatable {
    package var serviceName: String
    package var serviceVersion: String
    package var instanceID: String
    package var attributes: [String: String]

    package init(
        serviceName: String = "sluice", serviceVersion: String = "", instanceID: String = "",
        attributes: [String: String] = [:]
    ) {
        self.serviceName = serviceName
        self.serviceVersion = serviceVersion
        self.instanceID = instanceID
        self.attributes = attributes
    }

    func write(to text: inout JSONText) {
        text.key("resource")
        text.object { text in
            text.key("attributes")
            text.array { text in
                OTLPResource.attribute("service.name", serviceName, to: &text)
                OTLPResource.attribute("service.version", serviceVersion, to: &text)
                OTLPResource.attribute("service.instance.id", instanceID, to: &text)
                for (name, value) in attributes.sorted(by: { $0.key < $1.key }) {
                    OTLPResource.attribute(name, value, to: &text)
                }
            }
        }
    }

    static func writeScope(to text: inout JSONText) {
        text.key("scope")
        text.object { text in text.member("name", "sluice") }
    }

    /// A `KeyValue`; an empty text is left out.
    static func attribute(_ name: String, _ value: String, to text: inout JSONText) {
        guard !value.isEmpty else { return }
        text.object { text in
            text.member("key", name)
            text.key("value")
            text.object { text in text.member("stringValue", value) }
        }
    }

    static func attribute(_ name: String, _ value: Int, to text: inout JSONText) {
        text.object { text in
            text.member("key", name)
            text.key("value")
            // 64-bit integers are strings in the JSON mapping of protobuf.
            text.object { text in text.member("intValue", String(value)) }
        }
    }
}
