import ArgumentParser
import GatewayControl
import GatewayModel

/// Kinds and objects as a command line names them.
enum KindName {
    static func resolve(_ word: String) throws(GatewayError) -> ObjectKind {
        if let kind = ObjectKind(word: word) { return kind }
        let names = ObjectKind.allCases.map(\.plural)
        throw GatewayError(.usage, "unknown kind \"\(word)\"", hint: NearestName.hint(word, among: names))
    }
}

/// One object: `httproute app`, `httproute/app`, with `-n` for its namespace.
struct ObjectName: ParsableArguments {
    @Argument(help: "The kind, such as httproutes; KIND/NAME also names the object.")
    var kind: String

    @Argument(help: "The object's name.")
    var name: String?

    @Option(name: .shortAndLong, help: "The object's namespace.")
    var namespace = ObjectMeta.defaultNamespace

    /// The kind and, where one was given, the name.
    func resolve() throws(GatewayError) -> (kind: ObjectKind, name: String?) {
        let parts = kind.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2 else { return (try KindName.resolve(kind), name) }
        guard name == nil else { throw GatewayError(.usage, "two names are given: \(parts[1]) and \(name ?? "")") }
        return (try KindName.resolve(parts[0]), parts[1])
    }

    /// The path of the object in the admin API.
    func path() throws(GatewayError) -> String {
        let (kind, name) = try resolve()
        guard let name else { throw GatewayError(.usage, "no name is given", hint: "add the object's name") }
        return Self.path(kind, namespace: namespace, name: name)
    }

    static func path(_ kind: ObjectKind, namespace: String, name: String) -> String {
        let name = PercentText.encoded(name)
        return kind.isNamespaced
            ? "/v1/\(kind.plural)/\(PercentText.encoded(namespace))/\(name)" : "/v1/\(kind.plural)/\(name)"
    }
}
