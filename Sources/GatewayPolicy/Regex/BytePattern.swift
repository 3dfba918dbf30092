package import GatewayModel

/// A regular expression over bytes (UTF-8), in a subset of RE2's syntax. Matching is linear in the input whatever the
/// expression: there is no backtracking. Nearly every expression becomes a table that costs one look-up per byte and
/// no memory; one whose table would be too large is run as a Thompson automaton.
///
/// `.` and negated classes match one valid UTF-8 scalar; `(?i)` folds ASCII letters only.
package struct BytePattern: Sendable {
    /// The text it was made from.
    package let source: String
    private let program: PatternProgram
    private let table: PatternTable?

    /// - Parameters:
    ///   - isWhole: whether all of the input must match (routes), or some part of it (searches).
    ///   - isUsedOnce: leaves the table out, which costs more to make than one match costs without it.
    package init(_ source: String, isWhole: Bool = true, isUsedOnce: Bool = false) throws(GatewayError) {
        self.source = source
        program = try PatternProgram(PatternParser.parse(source), isWhole: isWhole, pattern: source)
        table = isUsedOnce ? nil : PatternTable(program)
    }

    /// What one byte of input may cost: 1, or the size of the automaton.
    var stepCost: Int { table == nil ? program.instructions.count : 1 }

    /// Whether matching allocates nothing.
    package var isTable: Bool { table != nil }

    package func matches(_ bytes: Span<UInt8>) -> Bool {
        var run = Run(self)
        for index in bytes.indices { run.feed(bytes[index]) }
        return run.isMatch
    }

    /// A match under way, fed byte by byte, so that nothing must be joined or decoded first.
    package struct Run {
        private let pattern: BytePattern
        private var state = PatternTable.start
        private var marks: PatternMarks
        private var spare: PatternMarks
        private var isAtStart = true

        package init(_ pattern: BytePattern) {
            self.pattern = pattern
            let count = pattern.table == nil ? pattern.program.instructions.count : 0
            marks = PatternMarks(count: count)
            spare = PatternMarks(count: count)
            if count > 0 { pattern.program.close(0, isAtStart: true, isAtEnd: false, into: &marks) }
        }

        @inline(__always)
        package mutating func feed(_ byte: UInt8) {
            if let table = pattern.table { state = table.step(state, byte) } else { walk(byte) }
        }

        private mutating func walk(_ byte: UInt8) {
            spare.removeAll()
            for pc in marks.members {
                let instruction = pattern.program.instructions[pc]
                guard instruction.operation == .bytes, instruction.low <= byte, byte <= instruction.high else {
                    continue
                }
                pattern.program.close(instruction.next, isAtStart: false, isAtEnd: false, into: &spare)
            }
            swap(&marks, &spare)
            isAtStart = false
        }

        /// Whether what was fed so far is a match if nothing follows.
        package var isMatch: Bool {
            if let table = pattern.table { return table.isAccepting(state) }
            let instructions = pattern.program.instructions
            var ended = PatternMarks(count: instructions.count)
            for pc in marks.members {
                pattern.program.close(pc, isAtStart: isAtStart, isAtEnd: true, into: &ended)
            }
            return ended.members.contains { instructions[$0].operation == .match }
        }
    }
}
