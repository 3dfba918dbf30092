import GatewayWire

/// The event by which a stream of Responses says that its response failed, with the gateway's words in place of the
/// provider's: those may name its account, as may those of any other error.
enum FailedResponse {
    /// The event as it is sent; nil if it cannot be read. `error` is what it was read as.
    static func event(_ data: Span<UInt8>, isNamed: Bool, _ error: ProviderError?) -> [UInt8]? {
        var outline = JSONOutline()
        var response = JSONOutline()
        guard (try? outline.read(data)) != nil, let member = outline.member("response", in: data),
            member.kind == .object, (try? response.read(data, range: member.value)) != nil
        else { return nil }
        let words = ErrorRendering(error ?? ProviderError(type: "", code: "", message: "")).responseError
        var splice = JSONSplice()
        for error in [outline.member("error", in: data), response.member("error", in: data)].compactMap(\.self)
        where error.kind != .null {
            splice.replace(error.value, with: words)
        }
        var out: [UInt8] = []
        let event = splice.applied(to: data)
        SSEWriter.append(event: isNamed ? "response.failed" : "", data: event.span, to: &out)
        return out
    }
}
