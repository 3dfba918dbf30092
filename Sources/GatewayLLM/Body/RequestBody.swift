import GatewayModel
import GatewayProxy
import GatewayWire
import NIOCore

/// A request's body as it came: in memory while it is small, in a file beyond. It stays until the call is over, so that
/// another attempt can always be made.
struct RequestBody {
    /// What one request holds in memory at most, until it is read.
    static let memoryBytesMax = 1024 * 1024

    private var memory = ByteBuffer()
    private var file: SpillFile?
    /// All of a body that is in a file, while it is being looked at.
    private var loaded: ByteBuffer?
    private(set) var count = 0

    var isSpilled: Bool { file != nil }

    mutating func append(_ bytes: ByteBuffer, spill: SpillFolder) throws(GatewayError) {
        count += bytes.readableBytes
        if file == nil, count > RequestBody.memoryBytesMax {
            let opened = try spill.open()
            try opened.append(memory)
            memory = ByteBuffer()
            file = opened
        }
        if let file { return try file.append(bytes) }
        if memory.readableBytes == 0 {
            memory = bytes
        } else {
            memory.writeImmutableBuffer(bytes)
        }
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
    /// The edited text of a buffer, in one new buffer.
    func applied(to input: ByteBuffer) -> ByteBuffer {
        let span = input.readableBytesUInt8Span
        var out = ByteBufferAllocator().buffer(capacity: count(from: span.count))
        var index = 0
        for edit in edits {
            precondition(edit.range.lowerBound >= index, "edits overlap")
            // Safe: the closure only copies, and nothing of the pointer leaves it.
            unsafe span.extracting(index..<edit.range.lowerBound).withUnsafeBytes { unsafe _ = out.writeBytes($0) }
            out.writeBytes(edit.bytes)
            index = edit.range.upperBound
        }
        unsafe span.extracting(index..<span.count).withUnsafeBytes { unsafe _ = out.writeBytes($0) }
        return out
    }
}
