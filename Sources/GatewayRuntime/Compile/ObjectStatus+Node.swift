import GatewayModel

extension ObjectStatus {
    /// `status` as the Gateway API writes it.
    var node: ConfigNode {
        var pairs: [(String, ConfigNode)] = []
        if !conditions.isEmpty { pairs.append(("conditions", .list(conditions.map(\.node)))) }
        if !listeners.isEmpty {
            pairs.append(
                (
                    "listeners",
                    .list(
                        listeners.map {
                            .object([
                                ("name", .text($0.name)), ("attachedRoutes", .integer($0.attachedRoutes)),
                                ("conditions", .list($0.conditions.map(\.node))),
                            ])
                        })
                ))
        }
        if !parents.isEmpty {
            pairs.append(("parents", .list(parents.map(\.node))))
        }
        return .object(pairs)
    }
}

extension ParentStatus {
    fileprivate var node: ConfigNode {
        var parent: [(String, ConfigNode)] = [("name", .text(reference?.name ?? gateway.name))]
        if let section = reference?.sectionName { parent.append(("sectionName", .text(section))) }
        return .object([("parentRef", .object(parent)), ("conditions", .list(conditions.map(\.node)))])
    }
}

extension StatusCondition {
    fileprivate var node: ConfigNode {
        var pairs: [(String, ConfigNode)] = [
            ("type", .text(type)), ("status", .text(isTrue ? "True" : "False")), ("reason", .text(reason)),
        ]
        if !message.isEmpty { pairs.append(("message", .text(message))) }
        return .object(pairs)
    }
}
