import Foundation
import Testing

@testable import GatewayState

@Suite("The journal's file")
struct JournalFileTests {
    private let path = NSTemporaryDirectory() + "sluice-journal-" + UUID().uuidString

    @Test("holds what was written, whichever way, and nothing behind it", arguments: [true, false])
    func whole(mayMap: Bool) throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        let file = try #require(JournalFile(path: path, mayMap: mayMap))
        file.reserve()
        var expected: [UInt8] = []
        // Past several steps, with pieces that straddle them.
        for index in 0..<900 {
            let piece = Array(repeating: UInt8(index % 251 + 1), count: index % 7 == 0 ? 3 : 4_001)
            #expect(file.append(piece))
            expected += piece
            if index % 300 == 0 {
                // Another process sees it at once.
                let seen = try Data(contentsOf: URL(filePath: path))
                #expect(Array(seen.prefix(expected.count)) == expected)
                #expect(seen.dropFirst(expected.count).allSatisfy { $0 == 0 })
                #expect(mayMap || seen.count == expected.count)
            }
        }
        #expect(file.count == expected.count)
        file.close()
        #expect(Array(try Data(contentsOf: URL(filePath: path))) == expected)
        #expect(!file.append([1]))
    }

    @Test("begins anew where there was one, for its owner only")
    func anew() throws {
        defer { try? FileManager.default.removeItem(atPath: path) }
        for text in ["longer than the next", "next"] {
            let file = try #require(JournalFile(path: path))
            #expect(file.append(Array(text.utf8)))
            file.close()
            #expect(try String(contentsOf: URL(filePath: path), encoding: .utf8) == text)
        }
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o600)
        #expect(JournalFile(path: path + "/no/folder") == nil)
    }
}

extension JournalFile {
    fileprivate func append(_ bytes: [UInt8]) -> Bool { append(bytes.span) }
}
