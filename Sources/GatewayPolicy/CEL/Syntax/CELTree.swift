/// An expression as written, with its macros expanded.
struct CELTree {
    indirect enum Kind {
        case literal(CELValue)
        /// `isAbsolute` when written with a leading dot, which skips the variables of macros and the container.
        case name(String, isAbsolute: Bool)
        case select(CELTree, String, isOptional: Bool)
        case index(CELTree, CELTree, isOptional: Bool)
        case has(CELTree, String)
        case call(String, receiver: CELTree?, [CELTree])
        case and([CELTree])
        case or([CELTree])
        case conditional(CELTree, CELTree, CELTree)
        case list([Element])
        case map([Entry])
        case loop(Loop)
        case bind(String, CELTree, CELTree)
        /// `x.optMap(v, e)` and `x.optFlatMap(v, e)`.
        case optionalMap(CELTree, String, CELTree, isFlat: Bool)
    }

    struct Element {
        var value: CELTree
        /// `?e`: left out when the optional has no value.
        var isOptional: Bool
    }

    struct Entry {
        var key: CELTree
        var value: CELTree
        var isOptional: Bool
    }

    /// A macro that walks a list or map.
    struct Loop {
        enum Kind: UInt8, Sendable { case all, exists, existsOne, list, map, mapEntry }
        var kind: Kind
        var range: CELTree
        /// One variable stands for the element of a list or the key of a map; two for index or key, and value.
        var variables: [String]
        var filter: CELTree?
        /// What is asked of each, or made of it.
        var body: CELTree
    }

    var kind: Kind
    /// In bytes.
    var offset: Int
    /// Levels below and with this one; bounds every later recursion.
    var depth: Int

    /// `a.b.c` as its names, when it is nothing but names.
    var qualifiedName: (names: [String], isAbsolute: Bool)? {
        switch kind {
        case .name(let name, let isAbsolute): return ([name], isAbsolute)
        case .select(let operand, let field, false):
            guard let (names, isAbsolute) = operand.qualifiedName else { return nil }
            return (names + [field], isAbsolute)
        default: return nil
        }
    }
}
