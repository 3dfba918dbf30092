import Foundation
import GatewayProxy
import GatewayWire
import NIOCore
import Testing

@testable import GatewayLLM

@Suite("A body is kept in one piece and sent on with edits")
struct RequestBodyTests {
    private static let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }

    @Test(
        "pieces of any size add up, whatever length was said",
        arguments: [0, 1, 50_000, 100_000, 1 << 40], [1_000, 65_536, 100_000])
    func whole(expected: Int, piece: Int) throws {
        let spill = SpillFolder(path: NSTemporaryDirectory() + "sluice-body-" + UUID().uuidString)
        var body = RequestBody()
        for start in stride(from: 0, to: Self.bytes.count, by: piece) {
            let part = Self.bytes[start..<min(start + piece, Self.bytes.count)]
            try body.append(ByteBuffer(bytes: part), expected: expected, spill: spill)
        }
        #expect(body.count == Self.bytes.count && !body.isSpilled)
        #expect(try Array(body.whole().readableBytesView) == Self.bytes)
        #expect(try Array(body.read(70_000..<70_010).readableBytesView) == Array(Self.bytes[70_000..<70_010]))
    }

    @Test("edits are the same in a short text and in a long one", arguments: [100, 20_000])
    func pieces(count: Int) throws {
        var input = ByteBuffer(bytes: [9, 9])
        input.writeBytes(Self.bytes.prefix(count))
        input.moveReaderIndex(forwardBy: 2)
        var splice = JSONSplice()
        splice.replace(0..<3, with: [1])
        splice.replace(50..<50, with: [2, 3])
        splice.replace(90..<100, with: [])
        let pieces = splice.pieces(of: input)
        #expect((pieces.count == 1) == (count == 100))
        let text = Array(Self.bytes.prefix(count))
        var expected: [UInt8] = [1]
        expected += text[3..<50]
        expected += [2, 3]
        expected += text[50..<90]
        expected += text[100...]
        #expect(pieces.flatMap { Array($0.readableBytesView) } == expected)
    }
}
