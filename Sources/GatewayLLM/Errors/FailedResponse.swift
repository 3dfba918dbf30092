import GatewayWire

/// A response that says its error as part of itself, with the gateway's words in place of the provider's: those may
/// name its account, as may those of any other error.
enum FailedResponse {
    /// An event that tells of a response, as it is sent; nil if it cannot be read.
    static func event(_ data: Span<UInt8>, name: Span<UInt8>) -> [UInt8]? {
        var outline = JSONOutline()
        var response = JSONOutline()
        guard (try? outline.read(data)) != nil, let member = outline.member("response", in: data),
            member.kind == .object, (try? response.read(data, range: member.value)) != nil
        else { return nil }
        var splice = JSONSplice()
        replace(outline.member("error", in: data), in: data, &splice)
        replace(response.member("error", in: data), in: data, &splice)
        var out: [UInt8] = []
        let event = splice.applied(to: data)
        SSEWriter.append(event: name, data: event.span, to: &out)
        return out
    }

    /// A response as a document; nil if it is none, but only an error.
    static func document(_ data: Span<UInt8>) -> [UInt8]? {
        var outline = JSONOutline()
        guard (try? outline.read(data)) != nil, outline.member("status", in: data)?.kind == .string else { return nil }
        var splice = JSONSplice()
        replace(outline.member("error", in: data), in: data, &splice)
        return splice.applied(to: data)
    }

    private static func replace(_ error: JSONOutline.Member?, in data: Span<UInt8>, _ splice: inout JSONSplice) {
        guard let error, error.kind != .null else { return }
        let read = ProviderError(errorValue: data.extracting(error.value))
        splice.replace(error.value, with: ErrorRendering(read).responseError)
    }
}
