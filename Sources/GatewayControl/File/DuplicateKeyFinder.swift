import Yams

/// Yams names a duplicate key but only the first place. The second is found by trying: the occurrence whose renaming
/// makes the complaint go away (or move) is the one.
enum DuplicateKeyFinder {
    private static let candidatesMax = 64
    private static let bytesMax = 256 * 1024

    static func secondPlace(of key: String, first line: Int, _ column: Int, in text: String) -> (
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
        var index = 0
        while index + wanted.count <= bytes.count, tried < candidatesMax {
            let isAfterFirst = at.line > line || (at.line == line && at.column > column + 1)
            if isAfterFirst, bytes[index] == wanted[0], bytes[index..<(index + wanted.count)].elementsEqual(wanted),
                endsKey(bytes, index + wanted.count)
            {
                tried += 1
                var changed = bytes
                changed.replaceSubrange(index..<(index + wanted.count), with: replacement)
                let isQuoted =
                    index > 0 && (bytes[index - 1] == UInt8(ascii: "\"") || bytes[index - 1] == UInt8(ascii: "'"))
                if !stillComplains(changed, line: line, column: column) {
                    return (at.line, at.column - (isQuoted ? 1 : 0))
                }
            }
            if bytes[index] == UInt8(ascii: "\n") {
                at = (at.line + 1, 1)
            } else if bytes[index] & 0xC0 != 0x80 {
                at.column += 1
            }
            index += 1
        }
        return nil
    }

    private static func endsKey(_ bytes: [UInt8], _ index: Int) -> Bool {
        let rest = bytes[index...].drop {
            $0 == UInt8(ascii: "\"") || $0 == UInt8(ascii: "'") || $0 == UInt8(ascii: " ")
        }
        return rest.first == UInt8(ascii: ":")
    }

    private static func stillComplains(_ bytes: [UInt8], line: Int, column: Int) -> Bool {
        do {
            let parser = try Parser(yaml: String(decoding: bytes, as: UTF8.self), resolver: .basic, encoding: .utf8)
            while try parser.nextRoot() != nil {}
        } catch YamlError.duplicatedKeysInMapping(_, let context) {
            return context.mark.line == line && context.mark.column == column
        } catch {
            return false
        }
        return false
    }
}
