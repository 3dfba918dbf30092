/// A protocol buffer message in text form, read without its schema: as much of the format as CEL's cases use.
struct TextProto {
    indirect enum Value {
        case word(String)
        case text([UInt8])
        case message(TextProto)
    }

    struct Field {
        var name: String
        var value: Value
    }

    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    var fields: [Field] = []

    init(_ bytes: [UInt8]) throws {
        var reader = Reader(bytes: bytes)
        fields = try reader.fields(until: nil)
    }

    private init(fields: [Field]) { self.fields = fields }

    func messages(_ name: String) -> [TextProto] {
        fields.compactMap { field in
            guard field.name == name, case .message(let message) = field.value else { return nil }
            return message
        }
    }

    func message(_ name: String) -> TextProto? { messages(name).first }

    func text(_ name: String) -> [UInt8]? {
        for field in fields where field.name == name { if case .text(let text) = field.value { return text } }
        return nil
    }

    func string(_ name: String) -> String? { text(name).map { String(decoding: $0, as: UTF8.self) } }

    func word(_ name: String) -> String? {
        for field in fields where field.name == name { if case .word(let word) = field.value { return word } }
        return nil
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        var next: UInt8? { position < bytes.count ? bytes[position] : nil }

        mutating func skip() {
            while let byte = next {
                switch byte {
                case 0x20, 0x09, 0x0A, 0x0D: position += 1
                case UInt8(ascii: "#"): while let byte = next, byte != 0x0A { position += 1 }
                default: return
                }
            }
        }

        mutating func take(_ character: Unicode.Scalar) -> Bool {
            skip()
            guard let byte = next, UInt32(byte) == character.value else { return false }
            position += 1
            return true
        }

        mutating func fields(until close: Unicode.Scalar?) throws -> [Field] {
            var result: [Field] = []
            while true {
                skip()
                if let close, take(close) { return result }
                if next == nil, close == nil { return result }
                let name = try take("[") ? bracketed() : word()
                _ = take(":")
                if take("{") {
                    result.append(Field(name: name, value: .message(TextProto(fields: try fields(until: "}")))))
                } else {
                    result.append(Field(name: name, value: try scalar()))
                }
                if !take(",") { _ = take(";") }
            }
        }

        private mutating func bracketed() throws -> String {
            let name = try word()
            guard take("]") else { throw Failure(description: "] expected at byte \(position)") }
            return name
        }

        private mutating func word() throws -> String {
            skip()
            let start = position
            while let byte = next,
                0x30...0x39 ~= byte || 0x41...0x5A ~= byte || 0x61...0x7A ~= byte || "_-+./".utf8.contains(byte)
            {
                position += 1
            }
            guard position > start else { throw Failure(description: "a word expected at byte \(position)") }
            return String(decoding: bytes[start..<position], as: UTF8.self)
        }

        private mutating func scalar() throws -> Value {
            skip()
            guard next == UInt8(ascii: "\"") || next == UInt8(ascii: "'") else { return .word(try word()) }
            var text: [UInt8] = []
            while next == UInt8(ascii: "\"") || next == UInt8(ascii: "'") {
                try quoted(into: &text)
                skip()
            }
            return .text(text)
        }

        private mutating func quoted(into text: inout [UInt8]) throws {
            let quote = bytes[position]
            position += 1
            while let byte = next, byte != quote {
                position += 1
                if byte == UInt8(ascii: "\\") { try escape(into: &text) } else { text.append(byte) }
            }
            guard next == quote else { throw Failure(description: "an unclosed string") }
            position += 1
        }

        private mutating func escape(into text: inout [UInt8]) throws {
            guard let byte = next else { throw Failure(description: "an unclosed string") }
            position += 1
            let plain: [UInt8: UInt8] = [
                UInt8(ascii: "a"): 7, UInt8(ascii: "b"): 8, UInt8(ascii: "f"): 12, UInt8(ascii: "n"): 10,
                UInt8(ascii: "r"): 13, UInt8(ascii: "t"): 9, UInt8(ascii: "v"): 11,
            ]
            if let value = plain[byte] { return text.append(value) }
            switch byte {
            case UInt8(ascii: "x"), UInt8(ascii: "X"): text.append(UInt8(number(2, radix: 16)))
            case UInt8(ascii: "u"), UInt8(ascii: "U"):
                guard let scalar = Unicode.Scalar(number(byte == UInt8(ascii: "u") ? 4 : 8, radix: 16)) else {
                    throw Failure(description: "not a scalar")
                }
                text += Array(String(Character(scalar)).utf8)
            case UInt8(ascii: "0")...UInt8(ascii: "7"):
                position -= 1
                text.append(UInt8(truncatingIfNeeded: number(3, radix: 8)))
            default: text.append(byte)
            }
        }

        private mutating func number(_ count: Int, radix: UInt32) -> UInt32 {
            var value: UInt32 = 0
            for _ in 0..<count {
                guard let byte = next, let digit = UInt32(String(UnicodeScalar(byte)), radix: Int(radix)) else { break }
                value = value * radix + digit
                position += 1
            }
            return value
        }
    }
}
