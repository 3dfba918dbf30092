import GatewayModel
import GatewayWire

/// The lines of a batch's file as they come within a form, each judged when it is whole. What a file is for may be said
/// after it: what its lines lack matters only if it is for a batch.
final class BatchFile {
    static let linesMax = 50_000
    static let lineBytesMax = 4 * 1024 * 1024
    static let editsMax = 200_000

    /// Judges a line: what is changed of it, by places in it.
    typealias Judge = (_ line: Span<UInt8>) throws(GatewayError) -> [JSONSplice.Edit]

    private let judge: Judge
    private var line: [UInt8] = []
    private var lineStart = 0
    private var number = 0
    /// In the order of their places in the body.
    private(set) var edits: [JSONSplice.Edit] = []
    private(set) var requests = 0
    private(set) var failure: GatewayError?
    /// Nil as long as nobody has said.
    private(set) var isBatch: Bool?

    init(_ judge: @escaping Judge) { self.judge = judge }

    /// Whether what has come of it may be a batch's, so that nothing of it may go out before its end.
    var mayBeBatch: Bool { isBatch ?? (failure == nil) }

    func isFor(_ purpose: [UInt8]) {
        isBatch = purpose == Array("batch".utf8)
        if isBatch == false { (edits, line) = ([], []) }
    }

    /// More of the file, which lies at `offset` of the body.
    func add(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        guard mayBeBatch, failure == nil else { return }
        var rest = bytes
        while let end = rest.firstIndex(of: 0x0A) {
            append(rest[..<end], at: offset + rest.startIndex - bytes.startIndex)
            take()
            guard failure == nil else { return }
            rest = rest[(end + 1)...]
        }
        append(rest, at: offset + rest.startIndex - bytes.startIndex)
    }

    /// The file has ended.
    func finish() {
        guard mayBeBatch, failure == nil else { return }
        take()
        if failure == nil, requests == 0 {
            failure = GatewayError(.malformedRequest, "the batch's file has no line", hint: BatchFile.hint)
        }
    }

    private static let hint = "write one JSON object with custom_id, method, url and body in each line"

    private func append(_ bytes: ArraySlice<UInt8>, at offset: Int) {
        if line.isEmpty { lineStart = offset }
        guard line.count + bytes.count <= BatchFile.lineBytesMax else {
            number += 1
            return fail(
                GatewayError(.bodyTooLarge, "it is longer than \(BatchFile.lineBytesMax) bytes", hint: BatchFile.hint))
        }
        line += bytes
    }

    /// The line is whole.
    private func take() {
        number += 1
        defer { line.removeAll(keepingCapacity: true) }
        guard failure == nil, line.contains(where: { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }) else { return }
        requests += 1
        // Some readers take it for the end of a line.
        guard !line.dropLast().contains(0x0D) else {
            return fail(GatewayError(.malformedRequest, "it has a carriage return in it", hint: BatchFile.hint))
        }
        guard requests <= BatchFile.linesMax else {
            return fail(
                GatewayError(.malformedRequest, "a batch has at most \(BatchFile.linesMax) requests", hint: "split it"))
        }
        do throws(GatewayError) {
            for edit in try judged(line) {
                let range = (lineStart + edit.range.lowerBound)..<(lineStart + edit.range.upperBound)
                edits.append(JSONSplice.Edit(range: range, bytes: edit.bytes))
            }
        } catch { return fail(error) }
        if edits.count > BatchFile.editsMax {
            fail(GatewayError(.malformedRequest, "too much of the file has to be changed", hint: "split it"))
        }
    }

    private func judged(_ line: [UInt8]) throws(GatewayError) -> [JSONSplice.Edit] { try judge(line.span) }

    private func fail(_ error: GatewayError) {
        var error = error
        error.message = "line \(number) of the batch's file: \(error.message)"
        failure = error
        (edits, line) = ([], [])
    }
}
