import Testing

@testable import GatewayWire

@Suite("Names that differ by an underscore only are found, wherever it stands")
struct LookalikeNameTests {
    @Test("of any length, at any place, and no other byte is taken for one")
    func places() {
        for count in 1...40 {
            for place in 0..<count {
                for byte in "_-^|~`!#$%&'*+.09az".utf8 {
                    var name = [UInt8](repeating: UInt8(ascii: "x"), count: count)
                    name[place] = byte
                    var fields = FieldBlock()
                    fields.append(name: name, value: [0x5F])
                    // `^` is looked at more closely, and is none.
                    #expect(fields.hasUnderscoredName == "_^".utf8.contains(byte))
                    name[place] = UInt8(ascii: "-")
                    let isRemoved = fields.removeLookalikes(of: name)
                    #expect(isRemoved == (byte == UInt8(ascii: "_")))
                }
            }
        }
    }

    @Test("the name itself stays, and so does one that differs in more")
    func others() {
        var fields = FieldBlock()
        for name in ["x-user-id", "x_user-id", "x-user_id", "x_user_id", "x_user_i", "x_user_ids", "y_user_id"] {
            fields.append(name, name)
        }
        let areRemoved = fields.removeLookalikes(of: Array("x-user-id".utf8))
        #expect(areRemoved)
        #expect(
            fields.entries.map { fields.text($0.name) } == ["x-user-id", "x_user_i", "x_user_ids", "y_user_id"])
        // A name of the configuration may have the underscore.
        let removals = (0..<2).map { _ in fields.removeLookalikes(of: Array("x_user_id".utf8)) }
        #expect(removals == [true, false])
    }
}
