/// The syntax tree of a regular expression.
indirect enum PatternNode: Equatable {
    case empty
    case set(ScalarSet)
    case sequence([PatternNode])
    case either([PatternNode])
    /// `max` nil means without bound.
    case repeated(PatternNode, min: Int, max: Int?)
    /// `^` and `\A`.
    case start
    /// `$` and `\z`.
    case end
}
