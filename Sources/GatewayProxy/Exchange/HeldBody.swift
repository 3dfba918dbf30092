import NIOCore

/// The part of a request's body that is kept: because no upstream is there yet, or because a retry may need it.
struct HeldBody {
    private(set) var chunks: [ByteBuffer] = []
    private(set) var byteCount = 0
    /// Everything received so far is in `chunks`, so an attempt can start from the beginning.
    private(set) var isWhole = true

    /// Keeps a chunk that nobody has taken yet.
    mutating func hold(_ chunk: ByteBuffer) {
        chunks.append(chunk)
        byteCount += chunk.readableBytes
    }

    /// Keeps chunks that nobody has taken yet, the first there are.
    mutating func hold(first all: [ByteBuffer]) {
        assert(chunks.isEmpty)
        chunks = all
        byteCount = all.reduce(0) { $0 + $1.readableBytes }
    }

    /// Keeps a chunk that has been sent, as long as all of the body fits into `bytesMax`.
    mutating func remember(_ chunk: ByteBuffer, bytesMax: Int) {
        guard isWhole else { return }
        if byteCount + chunk.readableBytes <= bytesMax { hold(chunk) } else { forget() }
    }

    /// What is kept, for somebody who takes it over.
    mutating func take() -> [ByteBuffer] {
        guard !chunks.isEmpty else { return [] }
        defer { reset() }
        return chunks
    }

    /// Nothing can be repeated from here on.
    mutating func forget() {
        if !chunks.isEmpty { chunks.removeAll() }
        byteCount = 0
        isWhole = false
    }

    mutating func reset() {
        if !chunks.isEmpty { chunks.removeAll(keepingCapacity: true) }
        byteCount = 0
        isWhole = true
    }
}
