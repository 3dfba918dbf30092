/// The responses in what came back over HTTP/1, read with no trust in the sender.
struct HTTP1Scan {
    /// Of final responses, in order.
    var statuses: [Int] = []
    /// Bytes that are no response.
    var garbage = false
    /// The last response came in whole.
    var complete = true

    init(_ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            guard rest.starts(with: Array("HTTP/1.".utf8)) else {
                garbage = true
                return
            }
            guard let end = Self.find("\r\n\r\n", in: rest) else {
                complete = false
                return
            }
            let head = String(decoding: rest[..<end], as: UTF8.self)
            rest = rest[(end + 4)...]
            let lines = head.split(separator: "\r\n", omittingEmptySubsequences: false)
            let status = lines[0].split(separator: " ").dropFirst().first.flatMap { Int($0) } ?? 0
            if (100..<200) ~= status, status != 101 { continue }
            statuses.append(status)
            guard let next = Self.skipBody(rest, lines, status) else {
                complete = false
                return
            }
            rest = next
        }
    }

    private static func skipBody(_ bytes: ArraySlice<UInt8>, _ lines: [Substring], _ status: Int) -> ArraySlice<UInt8>?
    {
        var length: Int?
        var chunked = false
        for line in lines.dropFirst() {
            guard let colon = line.firstIndex(of: ":") else { continue }
            let value = line[line.index(after: colon)...].trimmingSpaces
            switch line[..<colon].lowercased() {
            case "content-length": length = Int(value)
            case "transfer-encoding": chunked = value.lowercased().hasSuffix("chunked")
            default: break
            }
        }
        if status == 204 || status == 304 { return bytes }
        if chunked { return skipChunks(bytes) }
        guard let length else { return bytes[bytes.endIndex...] }
        return bytes.count >= length ? bytes.dropFirst(length) : nil
    }

    private static func skipChunks(_ bytes: ArraySlice<UInt8>) -> ArraySlice<UInt8>? {
        var rest = bytes
        while let line = find("\r\n", in: rest) {
            let size = Int(String(decoding: rest[..<line].prefix { $0 != 0x3B }, as: UTF8.self), radix: 16) ?? 0
            rest = rest[(line + 2)...]
            if size == 0 {
                while let end = find("\r\n", in: rest) {
                    let isLast = end == rest.startIndex
                    rest = rest[(end + 2)...]
                    if isLast { return rest }
                }
                return nil
            }
            guard rest.count >= size + 2 else { return nil }
            rest = rest.dropFirst(size + 2)
        }
        return nil
    }

    private static func find(_ text: String, in bytes: ArraySlice<UInt8>) -> Int? {
        let needle = Array(text.utf8)
        guard bytes.count >= needle.count else { return nil }
        return (bytes.startIndex...(bytes.endIndex - needle.count)).first { bytes[$0...].starts(with: needle) }
    }
}
