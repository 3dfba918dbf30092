import GatewayControl

extension StoreChange {
    private static let namesMax = 8

    /// One line for the operator: that the change serves, what it was, and the digest that records name it by.
    func line(digest: String) -> String {
        let counts = [(ObjectChange.Kind.added, "added"), (.modified, "changed"), (.deleted, "deleted")]
            .compactMap { kind, word -> String? in
                let count = changes.count { $0.kind == kind }
                return count == 0 ? nil : "\(count) \(word)"
            }
        let marks: [ObjectChange.Kind: String] = [.added: "+", .modified: "~", .deleted: "-"]
        var names = changes.prefix(Self.namesMax).map { "\(marks[$0.kind] ?? "")\($0.key)" }
        if changes.count > Self.namesMax { names.append("… and \(changes.count - Self.namesMax) more") }
        let what = counts.isEmpty ? "same objects, other places" : counts.joined(separator: ", ")
        let list = names.isEmpty ? "" : " (\(names.joined(separator: ", ")))"
        return "revision \(snapshot.revision) serves, by \(cause): \(what)\(list); "
            + "\(snapshot.set.count) objects, digest \(digest)"
    }
}
