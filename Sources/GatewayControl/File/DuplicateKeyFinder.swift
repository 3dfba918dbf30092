import Yams

/// Yams names a duplicate key but only the first place. The second is found by trying: the occurrence whose renaming
/// makes the complaint go away (or move) is the one.
enum DuplicateKeyFinder {
    private static let candidatesMax = 64
    private static let bytesMax = 256 * 1024

    static func secondPlace(
        of key: String, first line: Int, _ column: Int, in text: String
    ) -> (
        line: Int, column: Int
    )? {
        let bytes = Array(text.utf8)
        let wanted = Array(key.utf8)
        guard !wanted.isEmpty, bytes.count <= bytesMax else { return nil }
        // Same length, so that no place moves; a letter that no key of ours repeats this often.
        let replacement = [UInt8](repeating: UInt8(ascii: "Z"), count: wanted.count)
        guard replacement != wanted else { return nil }
        var tried = 0
        var at = (line: 1, column: 1)
        for index in bytes.indices where index + wanted.count <= bytes.count {
            let isFirst = at.line == line && (at.column == column || at.column == column + 1)
            let isAfter = at.line > line || (at.line == line && at.column > column + 1)
            if isFirst || isAfter, bytes[index] == wanted[0],
                bytes[index..<(index + wanted.count)].elementsEqual(wanted),
                endsKey(bytes, index + wanted.count), tried < candidatesMax
            {
                tried += 1
                var changed = bytes
                changed.replaceSubrange(index..<(index + wanted.count), with: replacement)
                let complaint = complaint(about: changed)
                // Without the first one, three or more still quarrel: then the complaint is about the second.
                if isFirst, let complaint, complaint.key == key { return (complaint.line, complaint.column) }
                let isQuoted = index > 0 && [UInt8(ascii: "\""), UInt8(ascii: "'")].contains(bytes[index - 1])
                if isAfter, complaint.map({ $0.line != line || $0.column != column }) ?? true {
                    return (at.line, at.column - (isQuoted ? 1 : 0))
                }
            }
            if bytes[index] == UInt8(ascii: "\n") {
                at = (at.line + 1, 1)
            } else if bytes[index] & 0xC0 != 0x80 {
                at.column += 1
            }
        }
        return nil
    }

    private static func endsKey(_ bytes: [UInt8], _ index: Int) -> Bool {
        let rest = bytes[index...].drop {
            $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: " ")
        }
        return rest.first == UInt8(ascii: ":")
    }

    private static func complaint(about bytes: [UInt8]) -> (key: String, line: Int, column: Int)? {
        do {
            let parser = try Parser(yaml: String(decoding: bytes, as: UTF8.self), resolver: .basic, encoding: .utf8)
            while try parser.nextRoot() != nil {}
        } catch YamlError.duplicatedKeysInMapping(let names, let context) {
            return (names.first ?? "", context.mark.line, context.mark.column)
        } catch {
            return nil
        }
        return nil
    }
}
