import GatewayWire

extension HeaderEdits {
    /// Applies the edits to a head's fields. Names the gateway itself frames messages by cannot be edited: they are
    /// not in the block, and the compiler of the configuration refuses them.
    func apply(to fields: inout FieldBlock) {
        for field in set { fields.set(name: field.name, value: field.value) }
        for field in add { fields.append(name: field.name, value: field.value) }
        for name in remove { fields.remove(named: name) }
    }

    /// Takes out what a backend may read as a field that is edited here: whoever sends `x_user` beside an `x-user` that
    /// is set or removed would speak for it. `isSuspect`: the head has a name with an underscore.
    func removeLookalikes(from fields: inout FieldBlock, isSuspect: Bool) {
        guard isSuspect || hasUnderscoredName else { return }
        for field in set { fields.removeLookalikes(of: field.name) }
        for field in add { fields.removeLookalikes(of: field.name) }
        for name in remove { fields.removeLookalikes(of: name) }
    }
}
