import Foundation
import GatewayModel
import NIOCore
import Testing

@testable import GatewayProxy

@Suite("A large body lies in a file that nobody else finds")
struct SpillFileTests {
    private let path = NSTemporaryDirectory() + "sluice-bodies-\(UUID().uuidString)"

    @Test func `what was written is read, piece by piece, and no name is left`() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let folder = SpillFolder(path: path)
        do {
            let file = try folder.open()
            for number: UInt8 in 0..<100 { try file.append(ByteBuffer(repeating: number, count: 1_000)) }
            #expect(file.count == 100_000 && folder.usedBytes == 100_000)
            #expect(try Array(file.read(0..<3).readableBytesView) == [0, 0, 0])
            #expect(try Array(file.read(41_999..<42_001).readableBytesView) == [41, 42])
            #expect(try file.read(0..<100_000).readableBytes == 100_000)
            #expect(throws: GatewayError.self) { try file.read(99_999..<100_001) }
            #expect(try FileManager.default.contentsOfDirectory(atPath: path).isEmpty)
            let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
            #expect(mode == 0o700)
        }
        #expect(folder.usedBytes == 0)
    }

    @Test func `all files together have a bound, and a folder that cannot be written is told`() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let folder = SpillFolder(path: path, bytesMax: 1_500)
        let first = try folder.open()
        try first.append(ByteBuffer(bytes: [UInt8](repeating: 1, count: 1_000)))
        let second = try folder.open()
        let error = #expect(throws: GatewayError.self) {
            try second.append(ByteBuffer(bytes: [UInt8](repeating: 1, count: 501)))
        }
        #expect(error?.code == .overloaded)
        try second.append(ByteBuffer(bytes: [UInt8](repeating: 1, count: 500)))
        #expect(folder.usedBytes == 1_500)
        #expect(throws: GatewayError.self) { try SpillFolder(path: "/proc/nowhere").open() }
    }
}
