/// Metrics as OTLP/HTTP JSON: counters are cumulative monotonic sums, durations explicit-bucket histograms.
enum OTLPMetrics {
    /// `AGGREGATION_TEMPORALITY_CUMULATIVE` of metrics.proto.
    private static let cumulative = 2

    static func encode(
        _ families: [MetricFamily], resource: OTLPResource, startNanoseconds: UInt64, nowNanoseconds: UInt64
    ) -> [UInt8] {
        var text = JSONText()
        let times = (String(startNanoseconds), String(nowNanoseconds))
        text.object { text in
            text.key("resourceMetrics")
            text.array { text in
                text.object { text in
                    resource.write(to: &text)
                    text.key("scopeMetrics")
                    text.array { text in
                        text.object { text in
                            OTLPResource.writeScope(to: &text)
                            text.key("metrics")
                            text.array { text in
                                for family in families where !family.points.isEmpty {
                                    write(family, times, to: &text)
                                }
                            }
                        }
                    }
                }
            }
        }
        return text.bytes
    }

    private static func write(_ family: MetricFamily, _ times: (String, String), to text: inout JSONText) {
        let kind = family.description.kind
        text.object { text in
            let words = family.description.telemetry
            text.member("name", words?.name ?? family.description.name)
            text.member("description", family.description.help)
            if let unit = words?.unit ?? (kind == .histogram ? "s" : nil) { text.member("unit", unit) }
            text.key(kind == .counter ? "sum" : kind.rawValue)
            text.object { text in
                if kind != .gauge { text.member("aggregationTemporality", cumulative) }
                if kind == .counter { text.member("isMonotonic", true) }
                text.key("dataPoints")
                text.array { text in
                    let labels = words?.attributes ?? family.description.labels
                    for point in family.points { write(point, labels, times, to: &text) }
                }
            }
        }
    }

    private static func write(
        _ point: MetricFamily.Point, _ labels: [String], _ times: (String, String), to text: inout JSONText
    ) {
        text.object { text in
            text.key("attributes")
            text.array { text in
                for (name, value) in zip(labels, point.labels) { OTLPResource.attribute(name, value, to: &text) }
            }
            text.member("startTimeUnixNano", times.0)
            text.member("timeUnixNano", times.1)
            switch point.number {
            case .count(let value): text.member("asInt", String(value))
            case .level(let value): text.member("asInt", String(value))
            case .money(let amount):
                text.key("asDouble")
                text.literal(PrometheusText.dollars(amount))
            case .histogram, .tokens:
                guard let (buckets, bounds, sum) = point.number.distribution else { return }
                text.member("count", String(buckets.reduce(0, &+)))
                text.key("sum")
                text.literal(sum)
                text.key("bucketCounts")
                text.array { text in
                    for count in buckets { text.string(String(count)) }
                }
                text.key("explicitBounds")
                text.array { text in
                    for bound in bounds { text.literal(bound.description) }
                }
            }
        }
    }
}
