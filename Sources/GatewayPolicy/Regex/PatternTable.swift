/// A regular expression as a table: one look-up per byte, no memory. Made once, when the configuration is loaded.
struct PatternTable: Sendable {
    /// Byte to class: bytes the expression does not tell apart share a column.
    private let classes: [UInt8]
    private let classCount: Int
    private var transitions: [UInt16] = []
    private var accepting: [Bool] = []

    static let dead = 0
    static let start = 1
    private static let stateMax = 2_000
    private static let cellMax = 200_000

    /// Nil when the table would be too large; the program itself is run instead.
    init?(_ program: PatternProgram) {
        (classes, classCount) = PatternTable.byteClasses(program)
        guard build(program) else { return nil }
    }

    /// The state after `byte`.
    @inline(__always)
    func step(_ state: Int, _ byte: UInt8) -> Int {
        Int(transitions[state &* classCount &+ Int(classes[Int(byte)])])
    }

    @inline(__always)
    func isAccepting(_ state: Int) -> Bool { accepting[state] }

    private static func byteClasses(_ program: PatternProgram) -> ([UInt8], Int) {
        var isBoundary = [Bool](repeating: false, count: 257)
        for instruction in program.instructions where instruction.operation == .bytes {
            guard instruction.low <= instruction.high else { continue }
            isBoundary[Int(instruction.low)] = true
            isBoundary[Int(instruction.high) + 1] = true
        }
        var classes = [UInt8](repeating: 0, count: 256)
        var current = 0
        for byte in 0..<256 {
            if byte > 0, isBoundary[byte] { current += 1 }
            classes[byte] = UInt8(current)
        }
        return (classes, current + 1)
    }

    private mutating func build(_ program: PatternProgram) -> Bool {
        var representatives = [UInt8](repeating: 0, count: classCount)
        for byte in (0..<256).reversed() { representatives[Int(classes[byte])] = UInt8(byte) }
        var states: [[Int]] = [[], []]
        var known: [[Int]: Int] = [[]: PatternTable.dead]
        var marks = PatternMarks(count: program.instructions.count)
        program.close(0, isAtStart: true, isAtEnd: false, into: &marks)
        states[PatternTable.start] = marks.members.sorted()
        accepting = [false, accepts(program, states[PatternTable.start], isAtStart: true)]
        transitions = [UInt16](repeating: 0, count: classCount)
        var state = PatternTable.start
        while state < states.count {
            guard states.count * classCount <= PatternTable.cellMax, states.count <= PatternTable.stateMax else {
                return false
            }
            for column in 0..<classCount {
                marks.removeAll()
                for pc in states[state] {
                    let instruction = program.instructions[pc]
                    guard instruction.operation == .bytes, instruction.low <= representatives[column],
                        representatives[column] <= instruction.high
                    else { continue }
                    program.close(instruction.next, isAtStart: false, isAtEnd: false, into: &marks)
                }
                let members = marks.members.sorted()
                if let index = known[members] {
                    transitions.append(UInt16(index))
                } else {
                    known[members] = states.count
                    transitions.append(UInt16(states.count))
                    states.append(members)
                    accepting.append(accepts(program, members, isAtStart: false))
                }
            }
            state += 1
        }
        return true
    }

    private func accepts(_ program: PatternProgram, _ members: [Int], isAtStart: Bool) -> Bool {
        var marks = PatternMarks(count: program.instructions.count)
        for pc in members where program.instructions[pc].operation == .end {
            program.close(program.instructions[pc].next, isAtStart: isAtStart, isAtEnd: true, into: &marks)
        }
        for pc in members { if program.instructions[pc].operation == .match { return true } }
        for pc in marks.members { if program.instructions[pc].operation == .match { return true } }
        return false
    }
}
