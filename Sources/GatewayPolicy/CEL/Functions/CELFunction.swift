/// The functions, by what they are about; the raw value is the name an expression calls.
enum CELFunction: Sendable, Equatable {
    case general(General)
    case text(Text)
    case time(Time)
    case math(Math)
    case network(Network)
    case optional(Optional)

    enum General: String, CaseIterable, Sendable {
        case size, type, dyn, int, uint, double, string, bytes, bool, timestamp, duration
    }

    enum Text: String, CaseIterable, Sendable {
        case startsWith, endsWith, contains, matches
        case charAt, indexOf, lastIndexOf, lowerAscii, upperAscii, replace, split, substring, trim, join, reverse
        case format
        case quote = "strings.quote"
        case base64Encode = "base64.encode"
        case base64Decode = "base64.decode"
    }

    enum Time: String, CaseIterable, Sendable {
        case getFullYear, getMonth, getDate, getDayOfMonth, getDayOfWeek, getDayOfYear, getHours, getMinutes
        case getSeconds, getMilliseconds
    }

    enum Math: String, CaseIterable, Sendable {
        case greatest = "math.greatest"
        case least = "math.least"
        case ceil = "math.ceil"
        case floor = "math.floor"
        case round = "math.round"
        case trunc = "math.trunc"
        case abs = "math.abs"
        case sign = "math.sign"
        case sqrt = "math.sqrt"
        case isNaN = "math.isNaN"
        case isInf = "math.isInf"
        case isFinite = "math.isFinite"
        case bitAnd = "math.bitAnd"
        case bitOr = "math.bitOr"
        case bitXor = "math.bitXor"
        case bitNot = "math.bitNot"
        case bitShiftLeft = "math.bitShiftLeft"
        case bitShiftRight = "math.bitShiftRight"
    }

    enum Network: String, CaseIterable, Sendable {
        case ip, isIP, cidr, isCIDR
        case isCanonical = "ip.isCanonical"
        case family, isUnspecified, isLoopback, isGlobalUnicast, isLinkLocalMulticast, isLinkLocalUnicast
        case containsIP, containsCIDR, masked, prefixLength
    }

    enum Optional: String, CaseIterable, Sendable {
        case of = "optional.of"
        case ofNonZeroValue = "optional.ofNonZeroValue"
        case none = "optional.none"
        case hasValue, value, or, orValue
    }

    static let named: [String: CELFunction] = {
        var all: [String: CELFunction] = [:]
        for each in General.allCases { all[each.rawValue] = .general(each) }
        for each in Text.allCases { all[each.rawValue] = .text(each) }
        for each in Time.allCases { all[each.rawValue] = .time(each) }
        for each in Math.allCases { all[each.rawValue] = .math(each) }
        for each in Network.allCases { all[each.rawValue] = .network(each) }
        for each in Optional.allCases { all[each.rawValue] = .optional(each) }
        return all
    }()

    var name: String {
        switch self {
        case .general(let each): each.rawValue
        case .text(let each): each.rawValue
        case .time(let each): each.rawValue
        case .math(let each): each.rawValue
        case .network(let each): each.rawValue
        case .optional(let each): each.rawValue
        }
    }
}
