package import GatewayWire

extension CELValue {
    /// A JSON value as expressions see it: whole numbers that fit are int, other numbers double. Nil for what CEL
    /// cannot hold: a number beyond a double, or an object whose names are not told apart.
    package init?(_ tree: JSONTree) {
        switch tree {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .number(let number):
            if let whole = Int64(number.text) {
                self = .int(whole)
            } else if number.double.isFinite {
                self = .double(number.double)
            } else {
                return nil
            }
        case .string(let text): self = .string(text.value)
        case .array(let elements):
            var values: [CELValue] = []
            values.reserveCapacity(elements.count)
            for element in elements {
                guard let value = CELValue(element) else { return nil }
                values.append(value)
            }
            self = .list(values)
        case .object(let object):
            guard let map = CELMap(object) else { return nil }
            self = .map(map)
        }
    }
}

extension CELMap {
    /// The members of a JSON object.
    package convenience init?(_ object: JSONObject) {
        var keys: [CELValue] = []
        var values: [CELValue] = []
        keys.reserveCapacity(object.members.count)
        values.reserveCapacity(object.members.count)
        for member in object.members {
            guard let value = CELValue(member.value) else { return nil }
            keys.append(.string(member.name.value))
            values.append(value)
        }
        self.init(keys: keys, values: values)
    }
}
