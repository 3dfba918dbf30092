package import GatewayWire

/// Asks for the usage of a stream where the client did not: OpenAI's chat tells none by itself.
package enum UsageRequest {
    /// Adds `stream_options.include_usage` to a chat or completions request that is a stream and does not ask for it.
    /// True if it did: then the meter takes the chunk out again. Options that are no object are left to the provider.
    package static func add(
        to splice: inout JSONSplice, _ outline: JSONOutline, of body: Span<UInt8>
    ) throws(JSONScanError) -> Bool {
        guard outline.bool("stream", in: body) == true else { return false }
        guard let options = outline.member("stream_options", in: body) else {
            splice.insert("stream_options", Array("{\"include_usage\":true}".utf8), in: outline)
            return true
        }
        switch options.kind {
        case .null:
            splice.replace(options.value, with: Array("{\"include_usage\":true}".utf8))
            return true
        case .object:
            var inner = JSONOutline()
            try inner.read(body, range: options.value)
            let asked = inner.member("include_usage", in: body)?.kind
            guard asked == nil || asked == .false || asked == .null else { return false }
            splice.set("include_usage", to: Array("true".utf8), in: inner, of: body)
            return true
        default: return false
        }
    }
}
