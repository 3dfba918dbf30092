package import GatewayModel

/// Where traces and metrics are sent, by OTLP over HTTP, and how many of the traces.
package struct TelemetryCollector: Sendable {
    /// The share of requests without a `traceparent` whose trace is exported. One in a hundred shows what is slow at
    /// a cost nobody notices; a caller's own decision, sampled or not, always goes before it.
    package static let samplingRatioDefault = 0.01

    package struct Field: Sendable {
        package var name: String
        package var value: Secret
        package init(name: String, value: Secret) {
            self.name = name
            self.value = value
        }
    }

    /// The base URL; `/v1/traces` and `/v1/metrics` are put behind it.
    package var url: String
    /// Sent with every message: credentials, mostly.
    package var fields: [Field]
    package var samplingRatio = TelemetryCollector.samplingRatioDefault
    package var intervalMilliseconds = 5_000
    package var metricsIntervalMilliseconds = 30_000

    /// Throws when it is no `http` or `https` URL.
    package init(url: String, fields: [Field] = []) throws(GatewayError) {
        _ = try OutboundURL(url)
        self.url = url
        self.fields = fields
    }

    /// What the variables of the OpenTelemetry specification ask for: `OTEL_EXPORTER_OTLP_ENDPOINT`,
    /// `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_EXPORTER_OTLP_PROTOCOL` (`http/json` only) and, for the ratio,
    /// `OTEL_TRACES_SAMPLER_ARG`. Nil without an endpoint, and when
    /// `OTEL_SDK_DISABLED` is true.
    package init?(environment: [String: String]) throws(GatewayError) {
        guard let url = environment["OTEL_EXPORTER_OTLP_ENDPOINT"], !url.isEmpty,
            environment["OTEL_SDK_DISABLED"]?.lowercased() != "true"
        else { return nil }
        for name in ["", "_TRACES", "_METRICS"].map({ "OTEL_EXPORTER_OTLP\($0)_PROTOCOL" }) {
            guard let wanted = environment[name], !wanted.isEmpty, wanted != "http/json" else { continue }
            throw GatewayError(
                .usage, "\(name) asks for a protocol that is not spoken: \(wanted)",
                hint: "collectors take http/json at the same port as http/protobuf, 4318")
        }
        try self.init(url: url, fields: try Self.fields(environment["OTEL_EXPORTER_OTLP_HEADERS"] ?? ""))
        guard let text = environment["OTEL_TRACES_SAMPLER_ARG"], !text.isEmpty else { return }
        guard let ratio = Double(text), (0...1).contains(ratio) else {
            throw GatewayError(.usage, "OTEL_TRACES_SAMPLER_ARG must be a number from 0 to 1: \(text)")
        }
        samplingRatio = ratio
    }

    /// `name=value,name=value`, values percent-encoded (W3C Baggage, as the specification asks).
    static func fields(_ text: String) throws(GatewayError) -> [Field] {
        var fields: [Field] = []
        for part in text.split(separator: ",") {
            let item = trimmed(part)
            if item.isEmpty { continue }
            guard let equals = item.firstIndex(of: "="), equals > item.startIndex,
                let value = decoded(trimmed(item[item.index(after: equals)...]))
            else {
                // Not quoted: it may hold a credential.
                throw GatewayError(
                    .usage, "OTEL_EXPORTER_OTLP_HEADERS has an item that is not name=value, number \(fields.count + 1)")
            }
            fields.append(Field(name: String(trimmed(item[..<equals])), value: Secret(value)))
        }
        return fields
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var text = text.drop { $0 == " " || $0 == "\t" }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return text
    }

    private static func decoded(_ text: Substring) -> [UInt8]? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(value)
            rest = rest.dropFirst(2)
        }
        return bytes
    }
}
