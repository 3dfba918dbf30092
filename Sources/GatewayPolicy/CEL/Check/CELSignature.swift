/// What a function or operator takes and gives. Several of one name are its overloads.
struct CELSignature: Sendable {
    var name: String
    /// Whether the first parameter stands before the name: `text.startsWith(prefix)`.
    var isMember: Bool
    var parameters: [CELType]
    var result: CELType

    private static func function(_ name: String, _ parameters: CELType..., gives result: CELType) -> CELSignature {
        CELSignature(name: name, isMember: false, parameters: parameters, result: result)
    }

    private static func member(
        _ receiver: CELType, _ name: String, _ parameters: CELType..., gives result: CELType
    ) -> CELSignature {
        CELSignature(name: name, isMember: true, parameters: [receiver] + parameters, result: result)
    }

    /// As a person writes it: `string.charAt(int) gives string`.
    var description: String {
        let written = parameters.dropFirst(isMember ? 1 : 0).map(\.description).joined(separator: ", ")
        let receiver = isMember ? "\(parameters[0])." : ""
        return "\(receiver)\(name)(\(written)) gives \(result)"
    }

    static let byName = Dictionary(grouping: operators + conversions + texts + times + maths + networks + optionals) {
        $0.name
    }

    private static let anything = CELType.parameter(0)
    private static let anyList = CELType.list(.parameter(0))

    private static let operators: [CELSignature] = {
        var all: [CELSignature] = [
            .function("+", .string, .string, gives: .string), .function("+", .bytes, .bytes, gives: .bytes),
            .function("+", anyList, anyList, gives: anyList),
            .function("+", .timestamp, .duration, gives: .timestamp),
            .function("+", .duration, .timestamp, gives: .timestamp),
            .function("+", .duration, .duration, gives: .duration),
            .function("-", .timestamp, .timestamp, gives: .duration),
            .function("-", .timestamp, .duration, gives: .timestamp),
            .function("-", .duration, .duration, gives: .duration), .function("negate", .int, gives: .int),
            .function("negate", .double, gives: .double), .function("!", .bool, gives: .bool),
        ]
        for name in ["+", "-", "*", "/", "%"] {
            all.append(.function(name, .int, .int, gives: .int))
            all.append(.function(name, .uint, .uint, gives: .uint))
            if name != "%" { all.append(.function(name, .double, .double, gives: .double)) }
        }
        return all
    }()

    private static let conversions: [CELSignature] = {
        var all: [CELSignature] = [
            .function("dyn", anything, gives: .dyn), .function("type", anything, gives: .type),
        ]
        for type in [CELType.string, .bytes, anyList, .map(.parameter(0), .parameter(1))] {
            all.append(.function("size", type, gives: .int))
            all.append(.member(type, "size", gives: .int))
        }
        let sources: [(CELType, [CELType])] = [
            (.int, [.int, .uint, .double, .string, .timestamp, .duration]), (.uint, [.uint, .int, .double, .string]),
            (.double, [.double, .int, .uint, .string]), (.bool, [.bool, .string]), (.bytes, [.bytes, .string]),
            (.string, [.string, .int, .uint, .double, .bool, .bytes, .timestamp, .duration, .ip, .cidr]),
            (.timestamp, [.timestamp, .string, .int]), (.duration, [.duration, .string, .int]),
        ]
        for (target, types) in sources {
            for type in types { all.append(.function(target.description, type, gives: target)) }
        }
        return all
    }()

    private static let texts: [CELSignature] = [
        .member(.string, "startsWith", .string, gives: .bool), .member(.string, "endsWith", .string, gives: .bool),
        .member(.string, "contains", .string, gives: .bool), .member(.string, "matches", .string, gives: .bool),
        .function("matches", .string, .string, gives: .bool), .member(.string, "charAt", .int, gives: .string),
        .member(.string, "indexOf", .string, gives: .int), .member(.string, "indexOf", .string, .int, gives: .int),
        .member(.string, "lastIndexOf", .string, gives: .int),
        .member(.string, "lastIndexOf", .string, .int, gives: .int),
        .member(.string, "lowerAscii", gives: .string), .member(.string, "upperAscii", gives: .string),
        .member(.string, "replace", .string, .string, gives: .string),
        .member(.string, "replace", .string, .string, .int, gives: .string),
        .member(.string, "split", .string, gives: .list(.string)),
        .member(.string, "split", .string, .int, gives: .list(.string)),
        .member(.string, "substring", .int, gives: .string),
        .member(.string, "substring", .int, .int, gives: .string), .member(.string, "trim", gives: .string),
        .member(.list(.string), "join", gives: .string), .member(.list(.string), "join", .string, gives: .string),
        .member(.string, "reverse", gives: .string), .member(.string, "format", .list(.dyn), gives: .string),
        .function("strings.quote", .string, gives: .string), .function("base64.encode", .bytes, gives: .string),
        .function("base64.decode", .string, gives: .bytes),
    ]

    private static let times: [CELSignature] = CELFunction.Time.allCases.flatMap { each in
        let name = each.rawValue
        var all: [CELSignature] = [
            .member(.timestamp, name, gives: .int), .member(.timestamp, name, .string, gives: .int),
        ]
        if ["getHours", "getMinutes", "getSeconds", "getMilliseconds"].contains(name) {
            all.append(.member(.duration, name, gives: .int))
        }
        return all
    }

    private static let maths: [CELSignature] = {
        var all: [CELSignature] = []
        for name in ["math.ceil", "math.floor", "math.round", "math.trunc", "math.sqrt"] {
            all.append(.function(name, .double, gives: .double))
        }
        for name in ["math.isNaN", "math.isInf", "math.isFinite"] {
            all.append(.function(name, .double, gives: .bool))
        }
        for type in [CELType.int, .uint, .double] {
            all.append(.function("math.abs", type, gives: type))
            all.append(.function("math.sign", type, gives: type))
        }
        all += [.function("math.sqrt", .int, gives: .double), .function("math.sqrt", .uint, gives: .double)]
        for type in [CELType.int, .uint] {
            for name in ["math.bitAnd", "math.bitOr", "math.bitXor"] {
                all.append(.function(name, type, type, gives: type))
            }
            all.append(.function("math.bitNot", type, gives: type))
            all.append(.function("math.bitShiftLeft", type, .int, gives: type))
            all.append(.function("math.bitShiftRight", type, .int, gives: type))
        }
        return all
    }()

    private static let networks: [CELSignature] = {
        var all: [CELSignature] = [
            .function("ip", .string, gives: .ip), .function("isIP", .string, gives: .bool),
            .function("cidr", .string, gives: .cidr), .function("isCIDR", .string, gives: .bool),
            .function("ip.isCanonical", .string, gives: .bool), .member(.ip, "family", gives: .int),
            .member(.cidr, "containsIP", .ip, gives: .bool), .member(.cidr, "containsIP", .string, gives: .bool),
            .member(.cidr, "containsCIDR", .cidr, gives: .bool),
            .member(.cidr, "containsCIDR", .string, gives: .bool), .member(.cidr, "ip", gives: .ip),
            .member(.cidr, "masked", gives: .cidr), .member(.cidr, "prefixLength", gives: .int),
        ]
        let kinds = ["isUnspecified", "isLoopback", "isGlobalUnicast", "isLinkLocalMulticast", "isLinkLocalUnicast"]
        for name in kinds { all.append(.member(.ip, name, gives: .bool)) }
        return all
    }()

    private static let optionals: [CELSignature] = [
        .function("optional.of", anything, gives: .optional(anything)),
        .function("optional.ofNonZeroValue", anything, gives: .optional(anything)),
        .function("optional.none", gives: .optional(anything)),
        .member(.optional(anything), "hasValue", gives: .bool), .member(.optional(anything), "value", gives: anything),
        .member(.optional(anything), "or", .optional(anything), gives: .optional(anything)),
        .member(.optional(anything), "orValue", anything, gives: anything),
    ]

    // MARK: Matching

    /// The result's type when the arguments fit, with what its parameters stand for filled in.
    func result(for arguments: [CELType]) -> CELType? {
        guard arguments.count == parameters.count else { return nil }
        var bound: [UInt8: CELType] = [:]
        for (parameter, argument) in zip(parameters, arguments) {
            guard CELSignature.match(parameter, argument, &bound) else { return nil }
        }
        return CELSignature.fill(result, bound)
    }

    private static func match(_ parameter: CELType, _ argument: CELType, _ bound: inout [UInt8: CELType]) -> Bool {
        switch (parameter, argument) {
        case (.parameter(let index), _):
            bound[index] = bound[index].map { $0.joined(argument) ?? .dyn } ?? argument
            return true
        case (_, .dyn): return true
        case (.list(let one), .list(let two)), (.optional(let one), .optional(let two)): return match(one, two, &bound)
        case (.map(let key, let value), .map(let otherKey, let otherValue)):
            return match(key, otherKey, &bound) && match(value, otherValue, &bound)
        default: return argument.fits(parameter)
        }
    }

    private static func fill(_ type: CELType, _ bound: [UInt8: CELType]) -> CELType {
        switch type {
        case .parameter(let index): bound[index] ?? .dyn
        case .list(let element): .list(fill(element, bound))
        case .optional(let value): .optional(fill(value, bound))
        case .map(let key, let value): .map(fill(key, bound), fill(value, bound))
        default: type
        }
    }
}
