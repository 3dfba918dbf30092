import GatewayModel

/// Writes metrics for a scrape: the Prometheus text format 0.0.4, or OpenMetrics 1.0 for who asks for it.
package enum PrometheusText {
    package enum Format: Sendable {
        case prometheus
        case openMetrics

        /// The format for an `accept` field; Prometheus' own unless OpenMetrics is named.
        package init(accept: String) {
            self = accept.lowercased().contains("application/openmetrics-text") ? .openMetrics : .prometheus
        }

        package var contentType: String {
            switch self {
            case .prometheus: "text/plain; version=0.0.4; charset=utf-8"
            case .openMetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8"
            }
        }
    }

    /// One scrape of the registry. Takes well under a millisecond for a hundred routes; call it off the loops.
    package static func render(_ registry: MetricRegistry, format: Format = .prometheus) -> [UInt8] {
        render(registry.collect().families(), format)
    }

    static func render(_ families: [MetricFamily], _ format: Format) -> [UInt8] {
        var text = ""
        text.reserveCapacity(16 * 1024)
        for family in families where !family.points.isEmpty {
            let name = family.description.name
            // OpenMetrics names the family of a counter without its suffix.
            let familyName =
                format == .openMetrics && family.description.kind == .counter && name.hasSuffix("_total")
                ? String(name.dropLast(6)) : name
            text += "# HELP \(familyName) \(family.description.help)\n"
            text += "# TYPE \(familyName) \(family.description.kind.rawValue)\n"
            for point in family.points { write(point, family.description, to: &text) }
        }
        if format == .openMetrics { text += "# EOF\n" }
        return Array(text.utf8)
    }

    private static func write(
        _ point: MetricFamily.Point, _ description: MetricDescription, to text: inout String
    ) {
        let labels = labelText(description.labels, point.labels)
        switch point.number {
        case .count(let value): text += "\(description.name)\(braced(labels)) \(value)\n"
        case .level(let value): text += "\(description.name)\(braced(labels)) \(value)\n"
        case .money(let amount): text += "\(description.name)\(braced(labels)) \(dollars(amount))\n"
        case .histogram, .tokens: writeHistogram(point, labels, description.name, to: &text)
        }
    }

    private static func writeHistogram(
        _ point: MetricFamily.Point, _ labels: String, _ name: String, to text: inout String
    ) {
        guard let (buckets, bounds, sum) = point.number.distribution else { return }
        var total: UInt64 = 0
        for (index, count) in buckets.enumerated() {
            total &+= count
            let bound = index < bounds.count ? bounds[index].description : "+Inf"
            let all = labels.isEmpty ? "le=\"\(bound)\"" : "\(labels),le=\"\(bound)\""
            text += "\(name)_bucket{\(all)} \(total)\n"
        }
        text += "\(name)_sum\(braced(labels)) \(sum)\n"
        text += "\(name)_count\(braced(labels)) \(total)\n"
    }

    private static func braced(_ labels: String) -> String { labels.isEmpty ? "" : "{\(labels)}" }

    private static func labelText(_ names: [String], _ values: [String]) -> String {
        zip(names, values).map { "\($0)=\"\(escaped($1))\"" }.joined(separator: ",")
    }

    private static func escaped(_ value: String) -> String {
        var text = ""
        for scalar in value.unicodeScalars {
            switch scalar {
            case "\\": text += "\\\\"
            case "\"": text += "\\\""
            case "\n": text += "\\n"
            default: text.unicodeScalars.append(scalar)
            }
        }
        return text
    }

    /// Picodollars as decimal dollars, exact.
    static func dollars(_ picodollars: UInt64) -> String { Money(picodollars: Int128(picodollars)).description }

    /// Nanoseconds as decimal seconds, exact.
    static func seconds(_ nanoseconds: UInt64) -> String {
        let rest = String(nanoseconds % 1_000_000_000)
        return "\(nanoseconds / 1_000_000_000)." + String(repeating: "0", count: 9 - rest.utf8.count) + rest
    }
}
