/// What a node of a compiled expression does. `a` to `d` are its node's.
enum CELOperation: UInt8, Sendable {
    /// Constant `a`.
    case constant
    /// Slot `a`; when it has no value, constant `b`, or a failure when `b` is -1.
    case slot
    /// Variable `a` of a macro.
    case local
    /// Fails with the text of constant `a`: a name that could not be resolved, where that was allowed.
    case unresolved
    /// Field of constant `b` of node `a`; of an optional when `flag`.
    case select
    case has
    /// Whether slot `a` has a value.
    case hasSlot
    /// Node `b` of node `a`; of an optional when `flag`.
    case index
    /// `function` of nodes `a` to `d`, -1 for none.
    case call
    /// Of `b` nodes, the children from `a`.
    case and, or
    case not, negate
    case equal, notEqual, less, lessEqual, greater, greaterEqual
    case add, subtract, multiply, divide, modulo
    case isIn
    /// Node `a` ? node `b` : node `c`.
    case conditional
    /// Of `b` children from `a`, each with a flag; a map has key and value in turn.
    case list, map
    /// Loop `a`.
    case loop
    /// Local `a` is node `b` in node `c`.
    case bind
    /// When optional node `a` has a value, local `b` is that value in node `c`; flat when `flag`.
    case optionalMap
    /// Node `a` matches pattern `b`.
    case matches
    case startsWith, endsWith, contains
    /// Optional node `a`, else node `b`, which is an optional or the value itself.
    case optionalOr, optionalOrValue
}

/// One node of a compiled expression: plain numbers, so that reading one costs no reference counting.
struct CELNode: Sendable {
    var operation: CELOperation
    var function = CELFunction.general(.size)
    var flag = false
    /// In bytes of the source.
    var offset: Int32
    var a: Int32 = -1
    var b: Int32 = -1
    var c: Int32 = -1
    var d: Int32 = -1
}

/// A macro that walks a list or map; the numbers are locals and nodes, -1 for none.
struct CELLoop: Sendable {
    var kind: CELTree.Loop.Kind
    var range: Int32
    var first: Int32
    var second: Int32
    var filter: Int32
    var body: Int32
}

/// A compiled expression. Nodes refer to each other by their place.
final class CELCode: Sendable {
    let nodes: [CELNode]
    let constants: [CELValue]
    let children: [Int32]
    let flags: [Bool]
    let loops: [CELLoop]
    let patterns: [BytePattern]
    let root: Int32
    let localCount: Int
    let costMax: Int

    init(
        nodes: [CELNode], constants: [CELValue], children: [Int32], flags: [Bool], loops: [CELLoop],
        patterns: [BytePattern], root: Int32, localCount: Int, costMax: Int
    ) {
        self.nodes = nodes
        self.constants = constants
        self.children = children
        self.flags = flags
        self.loops = loops
        self.patterns = patterns
        self.root = root
        self.localCount = localCount
        self.costMax = costMax
    }
}
