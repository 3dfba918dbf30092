package import GatewayModel
package import GatewayWire

/// Makes names out of the claims of a token, by an expression for each. `Documentation/Identity.md` has the variables.
package struct ClaimMapping: Sendable {
    /// What can be made, as configuration calls it.
    package static let names = ["user", "tenant", "team", "agent", "instance", "session", "run", "sandbox", "groups"]

    private struct Rule: Sendable {
        var name: String
        var program: CELProgram
    }

    private static let variables: (environment: CELEnvironment, claims: CELSlot) = {
        var environment = CELEnvironment()
        let claims = environment.declare("claims", .map(.string, .dyn))
        return (environment, claims)
    }()

    private static let nameBytesMax = 1_024
    private static let groupsMax = 512
    private let rules: [Rule]

    /// `expressions` by the name they make. Throws where one is wrong.
    package init(_ expressions: [String: String]) throws(CELError) {
        var rules: [Rule] = []
        for name in ClaimMapping.names {
            guard let source = expressions[name] else { continue }
            rules.append(Rule(name: name, program: try CELProgram(source, in: ClaimMapping.variables.environment)))
        }
        self.rules = rules
    }

    package var isEmpty: Bool { rules.isEmpty }

    /// Why an expression cannot be one; nil if it can.
    package static func problem(_ source: String) -> String? {
        do throws(CELError) {
            _ = try CELProgram(source, in: variables.environment)
            return nil
        } catch {
            return "\(error)"
        }
    }

    /// The names these claims give, in the order of `names`; one that comes out empty or null is not there. An
    /// expression that fails lets nobody in: a name that is missing must not mean less than one that is there.
    package func values(_ claims: JSONObject) throws(GatewayError) -> [(name: String, values: [String])] {
        guard !rules.isEmpty else { return [] }
        var activation = ClaimMapping.variables.environment.activation()
        activation[ClaimMapping.variables.claims] = CELValue(.object(claims))
        var found: [(name: String, values: [String])] = []
        for rule in rules {
            let value: CELValue
            do throws(CELError) { value = try rule.program.evaluate(&activation) } catch {
                throw GatewayError(
                    .unauthenticated, "the token's claims give no \(rule.name)",
                    hint: "its issuer must write what the IdentityProvider's claims.\(rule.name) reads",
                    cause: "\(error)")
            }
            let texts = try ClaimMapping.texts(value, rule.name)
            if !texts.isEmpty { found.append((rule.name, texts)) }
        }
        return found
    }

    private static func texts(_ value: CELValue, _ name: String) throws(GatewayError) -> [String] {
        let texts: [String]
        switch value {
        case .null: return []
        case .string(let text): texts = text.isEmpty ? [] : [text]
        case .int, .uint: texts = [value.text]
        case .list(let items) where name == "groups":
            texts = items.compactMap { if case .string(let text) = $0 { text } else { nil } }
            guard texts.count == items.count, texts.count <= groupsMax else {
                throw GatewayError(.unauthenticated, "the token's claims give groups that are not a list of texts")
            }
        default: throw GatewayError(.unauthenticated, "the token's claims give a \(name) that is no text")
        }
        for text in texts {
            guard !text.isEmpty, text.utf8.count <= nameBytesMax, text.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F })
            else { throw GatewayError(.unauthenticated, "the token's claims give a \(name) that is no name") }
        }
        return texts
    }
}

extension CELValue {
    /// A JSON value as expressions see it; whole numbers are `int`.
    package init(_ tree: JSONTree) {
        switch tree {
        case .null: self = .null
        case .bool(let value): self = .bool(value)
        case .string(let text): self = .string(text.value)
        case .number(let number): self = number.int.map { .int(Int64($0)) } ?? .double(number.double)
        case .array(let items): self = .list(items.map { CELValue($0) })
        case .object(let object):
            let map = CELMap(
                keys: object.members.map { .string($0.name.value) }, values: object.members.map { CELValue($0.value) })
            self = .map(map ?? .empty)
        }
    }
}
