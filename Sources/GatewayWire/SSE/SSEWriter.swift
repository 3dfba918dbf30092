/// Writes server-sent events.
package enum SSEWriter {
    /// One event; data with line breaks becomes several lines. `name` must hold no line break, and empty is none.
    package static func append(event name: StaticString, data: Span<UInt8>, to out: inout [UInt8]) {
        if name.utf8CodeUnitCount > 0 {
            HTTP1Serializer.append("event: ", to: &out)
            HTTP1Serializer.append(name, to: &out)
            out.append(Byte.lineFeed)
        }
        append(data: data, to: &out)
    }

    /// The same with a name that was read.
    package static func append(event name: Span<UInt8>, data: Span<UInt8>, to out: inout [UInt8]) {
        if name.count > 0 {
            HTTP1Serializer.append("event: ", to: &out)
            HTTP1Serializer.append(name, to: &out)
            out.append(Byte.lineFeed)
        }
        append(data: data, to: &out)
    }

    /// One event without a name.
    package static func append(data: Span<UInt8>, to out: inout [UInt8]) {
        var index = 0
        while true {
            let end = Scan.lineEnd(data, from: index)
            HTTP1Serializer.append("data: ", to: &out)
            HTTP1Serializer.append(data.extracting(index..<end), to: &out)
            out.append(Byte.lineFeed)
            guard end < data.count else { break }
            index = end + 1
            if data[end] == Byte.carriageReturn, index < data.count, data[index] == Byte.lineFeed { index += 1 }
        }
        out.append(Byte.lineFeed)
    }

    /// A comment: it keeps a connection from looking dead and no reader sees it. `text` must hold no line break.
    package static func append(comment text: StaticString, to out: inout [UInt8]) {
        HTTP1Serializer.append(": ", to: &out)
        HTTP1Serializer.append(text, to: &out)
        HTTP1Serializer.append("\n\n", to: &out)
    }
}
