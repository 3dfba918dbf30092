import GatewayModel

/// Equality-based label selection, as kubectl writes it: `app=web,tier!=test,owner,!legacy`.
struct LabelSelector: Sendable, Equatable {
    enum Requirement: Sendable, Equatable {
        case equals(String, String)
        case differs(String, String)
        case exists(String)
        case missing(String)
    }

    var requirements: [Requirement] = []

    init(_ text: String) throws(GatewayError) {
        for part in text.split(separator: ",") {
            let part = part.filter { $0 != " " }
            let sides = part.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            let requirement: Requirement
            switch (sides.count, sides[0].hasSuffix("!"), part.hasPrefix("!")) {
            case (2, true, false): requirement = .differs(String(sides[0].dropLast()), sides[1])
            case (2, false, false):
                requirement = .equals(sides[0], sides[1].hasPrefix("=") ? String(sides[1].dropFirst()) : sides[1])
            case (1, false, true): requirement = .missing(String(part.dropFirst()))
            case (1, false, false): requirement = .exists(part)
            default: throw Self.problem(part)
            }
            requirements.append(requirement)
        }
        guard !requirements.isEmpty, !requirements.contains(where: \.isNameless) else { throw Self.problem(text) }
    }

    func matches(_ labels: [String: String]) -> Bool {
        requirements.allSatisfy { requirement in
            switch requirement {
            case .equals(let name, let value): labels[name] == value
            case .differs(let name, let value): labels[name] != value
            case .exists(let name): labels[name] != nil
            case .missing(let name): labels[name] == nil
            }
        }
    }

    private static func problem(_ text: String) -> GatewayError {
        GatewayError(.usage, "not a label selector: \(text)", hint: "write a=b, a!=b, a or !a, with commas between")
    }
}

extension LabelSelector.Requirement {
    fileprivate var isNameless: Bool {
        switch self {
        case .equals(let name, _), .differs(let name, _), .exists(let name), .missing(let name): name.isEmpty
        }
    }
}
