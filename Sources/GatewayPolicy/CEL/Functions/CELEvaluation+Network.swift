/// IP addresses and ranges.
extension CELEvaluation {
    mutating func network(_ function: CELFunction.Network, _ arguments: CELArguments) throws(CELFault) -> CELValue {
        switch (function, arguments.first) {
        case (.ip, .network(let range)) where range.prefixLength != nil:
            return .network(CELNetwork(range.address))
        case (.ip, .string(let text)): return .network(try CELEvaluation.address(text))
        case (.cidr, .string(let text)): return .network(try CELEvaluation.range(text))
        case (.isIP, .string(let text)): return .bool((try? CELNetwork(address: text)) != nil)
        case (.isCIDR, .string(let text)): return .bool((try? CELNetwork(range: text)) != nil)
        case (.isCanonical, .string(let text)):
            return .bool(CELText.areEqual(try CELEvaluation.address(text).text, text))
        case (_, .network(let network)):
            let found =
                network.prefixLength == nil ? address(function, network) : try range(function, network, arguments)
            guard let found else { break }
            return found
        default: break
        }
        throw arguments.noOverload(function.rawValue)
    }

    private func address(_ function: CELFunction.Network, _ address: CELNetwork) -> CELValue? {
        switch function {
        case .family: .int(address.isIPv6 ? 6 : 4)
        case .isUnspecified: .bool(address.isUnspecified)
        case .isLoopback: .bool(address.isLoopback)
        case .isGlobalUnicast: .bool(address.isGlobalUnicast)
        case .isLinkLocalMulticast: .bool(address.isLinkLocalMulticast)
        case .isLinkLocalUnicast: .bool(address.isLinkLocalUnicast)
        default: nil
        }
    }

    private func range(
        _ function: CELFunction.Network, _ range: CELNetwork, _ arguments: CELArguments
    ) throws(CELFault) -> CELValue? {
        switch (function, arguments.second) {
        case (.masked, _): return .network(range.masked)
        case (.prefixLength, _): return range.prefixLength.map { .int(Int64($0)) }
        case (.containsIP, .string(let text)): return .bool(range.contains(try CELEvaluation.address(text)))
        case (.containsIP, .network(let other)) where other.prefixLength == nil:
            return .bool(range.contains(other))
        case (.containsCIDR, .string(let text)): return .bool(range.contains(try CELEvaluation.range(text)))
        case (.containsCIDR, .network(let other)) where other.prefixLength != nil:
            return .bool(range.contains(other))
        default: return nil
        }
    }

    private static func address(_ text: String) throws(CELFault) -> CELNetwork {
        do throws(CELNetwork.Refusal) {
            return try CELNetwork(address: text)
        } catch {
            throw refusal(error, "IP address", text)
        }
    }

    private static func range(_ text: String) throws(CELFault) -> CELNetwork {
        do throws(CELNetwork.Refusal) {
            return try CELNetwork(range: text)
        } catch {
            throw refusal(error, "range of IP addresses", text)
        }
    }

    private static func refusal(_ refusal: CELNetwork.Refusal, _ what: String, _ text: String) -> CELFault {
        let shown = CELFormat.brief(.string(text))
        switch refusal {
        case .syntax: return CELFault("cannot read as an \(what): \(shown)")
        case .zone: return CELFault("an \(what) has no zone: \(shown)")
        case .mapped: return CELFault("an IPv4 address written as IPv6 is not allowed: \(shown)")
        }
    }
}
