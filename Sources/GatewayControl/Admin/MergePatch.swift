import GatewayModel

/// JSON Merge Patch (RFC 7396): objects merge, null removes, everything else replaces.
enum MergePatch {
    static func apply(_ patch: ConfigNode, to target: ConfigNode) -> ConfigNode {
        guard let fields = patch.fields else { return patch }
        var result = target.fields == nil ? ConfigNode.object([]) : target
        for field in fields {
            if field.value.value == .null {
                result[field.key] = nil
            } else {
                result[field.key] = apply(field.value, to: result[field.key] ?? .object([]))
            }
        }
        return result
    }
}
