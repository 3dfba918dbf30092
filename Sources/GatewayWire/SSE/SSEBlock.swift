/// The fields of one block of a stream of server-sent events, in the block's own bytes.
struct SSEBlock: Sendable {
    static let idBytesMax = 1_024

    private(set) var lastID: [UInt8] = []
    private(set) var retryMilliseconds: Int?
    var isAtStreamStart = true
    private var name: Range<Int> = 0..<0
    private var data: Range<Int> = 0..<0
    private var dataLines = 0
    /// The lines of data, if there were several.
    private var joined: [UInt8] = []

    var hasData: Bool { dataLines > 0 }

    func with<Result>(
        _ block: Span<UInt8>, _ body: (_ name: Span<UInt8>, _ data: Span<UInt8>) -> Result
    ) -> Result {
        body(block.extracting(name), dataLines > 1 ? joined.span : block.extracting(data))
    }

    mutating func forgetLarge() {
        if joined.capacity > 16 * 1024 { joined = [] }
    }

    mutating func read(_ block: Span<UInt8>) {
        name = 0..<0
        data = 0..<0
        dataLines = 0
        joined.removeAll(keepingCapacity: true)
        var index = 0
        if isAtStreamStart, block.count >= 3, block[0] == 0xEF, block[1] == 0xBB, block[2] == 0xBF { index = 3 }
        isAtStreamStart = false
        while index < block.count {
            let end = Scan.lineEnd(block, from: index)
            line(block, index..<end)
            index = end &+ 1
            if index < block.count, block[end] == Byte.carriageReturn, block[index] == Byte.lineFeed { index &+= 1 }
        }
    }

    private mutating func line(_ block: Span<UInt8>, _ line: Range<Int>) {
        var colon = line.lowerBound
        while colon < line.upperBound, block[colon] != Byte.colon { colon &+= 1 }
        let field = line.lowerBound..<colon
        var start = min(colon &+ 1, line.upperBound)
        if start < line.upperBound, block[start] == Byte.space { start &+= 1 }
        let value = start..<line.upperBound
        if Token.isExactly(block, field, "data") {
            dataLines &+= 1
            if dataLines == 1 {
                data = value
                return
            }
            if dataLines == 2 { HTTP1Serializer.append(block.extracting(data), to: &joined) }
            joined.append(Byte.lineFeed)
            HTTP1Serializer.append(block.extracting(value), to: &joined)
        } else if Token.isExactly(block, field, "event") {
            name = value
        } else if Token.isExactly(block, field, "id") {
            for index in value where block[index] == 0 { return }
            lastID.removeAll(keepingCapacity: true)
            HTTP1Serializer.append(
                block.extracting(value.lowerBound..<min(value.upperBound, value.lowerBound + SSEBlock.idBytesMax)),
                to: &lastID)
        } else if Token.isExactly(block, field, "retry"), !value.isEmpty, value.count < 10 {
            var milliseconds = 0
            for index in value {
                guard Byte.isDigit(block[index]) else { return }
                milliseconds = milliseconds * 10 + Int(block[index] - Byte.zero)
            }
            retryMilliseconds = milliseconds
        }
    }
}
