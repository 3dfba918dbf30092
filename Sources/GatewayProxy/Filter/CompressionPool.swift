/// The encoders of one event loop: those not in use wait here with their memory, and no more are made than the
/// bound, since each holds some 300 KiB.
struct CompressionPool {
    static let spareMax = 8
    private var gzip: [GzipEncoder] = []
    private var zstd: [ZstdEncoder] = []
    private(set) var activeCount = 0

    /// An encoder, or nil when as many are at work as may be; the answer then goes as it is.
    mutating func take(_ algorithm: CompressionRule.Algorithm, countMax: Int) -> ResponseTransform? {
        guard activeCount < countMax else { return nil }
        let transform: ResponseTransform?
        switch algorithm {
        case .gzip: transform = (gzip.popLast() ?? GzipEncoder()).map { .gzip($0) }
        case .zstd: transform = (zstd.popLast() ?? ZstdEncoder()).map { .zstd($0) }
        }
        if transform != nil { activeCount += 1 }
        return transform
    }

    /// Takes an encoder back, whether its stream was finished or not.
    mutating func giveBack(_ transform: ResponseTransform) {
        switch transform {
        case .none: return
        case .gzip(let encoder):
            encoder.reset()
            if gzip.count < CompressionPool.spareMax { gzip.append(encoder) }
        case .zstd(let encoder):
            encoder.reset()
            if zstd.count < CompressionPool.spareMax { zstd.append(encoder) }
        }
        activeCount -= 1
    }
}
