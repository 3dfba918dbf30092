import GatewayWire

extension HeaderEdits {
    /// Applies the edits to a head's fields. Names the gateway itself frames messages by cannot be edited: they are
    /// not in the block, and the compiler of the configuration refuses them.
    func apply(to fields: inout FieldBlock) {
        for field in set { fields.set(name: field.name, value: field.value) }
        for field in add { fields.append(name: field.name, value: field.value) }
        for name in remove { fields.remove(named: name) }
    }
}
