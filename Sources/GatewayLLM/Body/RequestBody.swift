import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore

/// A request's body as it came: in memory while it is small, in a file beyond. It stays until the call is over, so that
/// another attempt can always be made.
struct RequestBody {
    /// What one request holds in memory at most, until it is read.
    static let memoryBytesMax = 1024 * 1024
    /// What is taken at once for a body that has only begun to come; a client's word is no reason for more.
    private static let reservedBytesMax = 256 * 1024

    private var memory = ByteBuffer()
    private var file: SpillFile?
    /// All of a body that is in a file, while it is being looked at.
    private var loaded: ByteBuffer?
    private(set) var count = 0

    var isSpilled: Bool { file != nil }

    /// Adds a piece of a body of which so many bytes are expected, if that is known.
    mutating func append(_ bytes: ByteBuffer, expected: Int = 0, spill: SpillFolder) throws(GatewayError) {
        count += bytes.readableBytes
        if file == nil, count > RequestBody.memoryBytesMax {
            let opened = try spill.open()
            try opened.append(memory)
            memory = ByteBuffer()
            file = opened
        }
        if let file { return try file.append(bytes) }
        if memory.readableBytes == 0 {
            guard count < expected else {
                memory = bytes
                return
            }
            // Once, and not as it grows.
            memory = ByteBufferAllocator().buffer(capacity: min(expected, RequestBody.reservedBytesMax))
        }
        memory.writeImmutableBuffer(bytes)
    }

    /// All of it in one piece; of a large body until `unload`.
    mutating func whole() throws(GatewayError) -> ByteBuffer {
        guard let file else { return memory }
        if let loaded { return loaded }
        let all = try file.read(0..<count)
        loaded = all
        return all
    }

    /// Nobody looks at all of it any more.
    mutating func unload() { loaded = nil }

    func read(_ range: Range<Int>) throws(GatewayError) -> ByteBuffer {
        if let file { return try file.read(range) }
        return memory.getSlice(at: memory.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
    }
}

/// A body on its way to a provider, piece by piece: the client's bytes, but for what is put in their place.
struct BodySender {
    private static let pieceBytes = 64 * 1024

    private let edits: [JSONSplice.Edit]
    private var nextEdit = 0
    private var position = 0

    /// Edits are in the order of their places and do not overlap.
    init(edits: [JSONSplice.Edit] = []) { self.edits = edits }

    /// How many bytes more, or less if below 0, are sent than came.
    var growth: Int { edits.reduce(0) { $0 + $1.bytes.count - $1.range.count } }

    /// The next piece of what has come of `body`; nil when all of that is sent.
    mutating func next(of body: RequestBody) throws(GatewayError) -> ByteBuffer? {
        let edit = nextEdit < edits.count ? edits[nextEdit] : nil
        if let edit, edit.range.lowerBound == position, edit.range.upperBound <= body.count {
            nextEdit += 1
            position = edit.range.upperBound
            if !edit.bytes.isEmpty { return ByteBuffer(bytes: edit.bytes) }
            return try next(of: body)
        }
        let end = min(body.count, edit?.range.lowerBound ?? .max, position + BodySender.pieceBytes)
        guard end > position else { return nil }
        let piece = try body.read(position..<end)
        position = end
        return piece
    }
}

extension JSONSplice {
    /// What is copied in one piece, rather than sent on as parts of what came.
    private static let copiedBytesMax = 16 * 1024

    /// The edited text of a buffer: in one new buffer if it is short, else as parts of the buffer.
    func pieces(of input: ByteBuffer) -> [ByteBuffer] {
        guard input.readableBytes > JSONSplice.copiedBytesMax else { return [edited(input)] }
        var pieces: [ByteBuffer] = []
        var rest = input
        for edit in edits {
            let start = rest.readerIndex - input.readerIndex
            precondition(edit.range.lowerBound >= start, "edits overlap")
            pieces.append(rest.readSlice(length: edit.range.lowerBound - start) ?? ByteBuffer())
            rest.moveReaderIndex(forwardBy: edit.range.count)
            pieces.append(ByteBuffer(bytes: edit.bytes))
        }
        return pieces + [rest]
    }

    private func edited(_ input: ByteBuffer) -> ByteBuffer {
        let text = input.readableBytesUInt8Span
        let size = count(from: text.count)
        var copy = ByteBufferAllocator().buffer(capacity: size)
        copy.write(bytesMax: size) { out in
            var start = 0
            for edit in edits {
                precondition(edit.range.lowerBound >= start, "edits overlap")
                let bytes = edit.bytes
                out.append(text.extracting(start..<edit.range.lowerBound))
                out.append(bytes.span)
                start = edit.range.upperBound
            }
            out.append(text.extracting(start..<text.count))
        }
        return copy
    }
}
