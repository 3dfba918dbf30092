import GatewayModel

/// A regular expression as a Thompson automaton over bytes.
struct PatternProgram: Sendable {
    struct Instruction: Sendable {
        enum Operation: UInt8, Sendable { case bytes, split, jump, start, end, match }
        var operation: Operation
        var low: UInt8 = 0
        var high: UInt8 = 0
        var next = 0
        var other = 0
    }

    private(set) var instructions: [Instruction] = []
    private static let sizeMax = 20_000
    private let pattern: String

    /// `isWhole` is false for a search: the expression may match anywhere.
    init(_ node: PatternNode, isWhole: Bool, pattern: String) throws(GatewayError) {
        self.pattern = pattern
        if !isWhole { try anyBytes() }
        try emit(node)
        if !isWhole { try anyBytes() }
        _ = try add(Instruction(operation: .match))
    }

    private mutating func add(_ instruction: Instruction) throws(GatewayError) -> Int {
        if instructions.count >= PatternProgram.sizeMax {
            throw GatewayError(.tooLarge, "the regular expression is too large: \(pattern)")
        }
        instructions.append(instruction)
        return instructions.count - 1
    }

    private mutating func anyBytes() throws(GatewayError) {
        let split = try add(Instruction(operation: .split))
        let byte = try add(Instruction(operation: .bytes, low: 0, high: 255, next: split))
        instructions[split].next = byte
        instructions[split].other = instructions.count
    }

    /// Emits code that falls through to the next instruction when it has matched.
    private mutating func emit(_ node: PatternNode) throws(GatewayError) {
        switch node {
        case .empty: break
        case .start: _ = try add(Instruction(operation: .start, next: instructions.count + 1))
        case .end: _ = try add(Instruction(operation: .end, next: instructions.count + 1))
        case .set(let set): try emit(set)
        case .sequence(let items): for item in items { try emit(item) }
        case .either(let branches):
            try emitEither(branches.count) { (program: inout PatternProgram, index: Int) throws(GatewayError) in
                try program.emit(branches[index])
            }
        case .repeated(let item, let min, let max): try emit(item, min: min, max: max)
        }
    }

    private mutating func emit(_ set: ScalarSet) throws(GatewayError) {
        let sequences = set.byteSequences
        // An empty class matches nothing: a range no byte is in.
        if sequences.isEmpty { _ = try add(Instruction(operation: .bytes, low: 1, high: 0, next: 0)) }
        try emitEither(sequences.count) { (program: inout PatternProgram, index: Int) throws(GatewayError) in
            for range in sequences[index] {
                _ = try program.add(
                    Instruction(
                        operation: .bytes, low: range.lowerBound, high: range.upperBound,
                        next: program.instructions.count + 1))
            }
        }
    }

    private mutating func emitEither(
        _ count: Int, _ branch: (inout PatternProgram, Int) throws(GatewayError) -> Void
    ) throws(GatewayError) {
        var jumps: [Int] = []
        for index in 0..<count {
            if index == count - 1 {
                try branch(&self, index)
            } else {
                let split = try add(Instruction(operation: .split, next: instructions.count + 1))
                try branch(&self, index)
                jumps.append(try add(Instruction(operation: .jump)))
                instructions[split].other = instructions.count
            }
        }
        for jump in jumps { instructions[jump].next = instructions.count }
    }

    private mutating func emit(_ item: PatternNode, min: Int, max: Int?) throws(GatewayError) {
        for _ in 0..<min { try emit(item) }
        guard let max else {
            let split = try add(Instruction(operation: .split, next: instructions.count + 1))
            try emit(item)
            _ = try add(Instruction(operation: .jump, next: split))
            instructions[split].other = instructions.count
            return
        }
        var splits: [Int] = []
        for _ in min..<Swift.max(min, max) {
            splits.append(try add(Instruction(operation: .split, next: instructions.count + 1)))
            try emit(item)
        }
        for split in splits { instructions[split].other = instructions.count }
    }

    // MARK: Walking

    /// Adds everything reachable from `pc` without taking a byte.
    func close(_ pc: Int, isAtStart: Bool, isAtEnd: Bool, into marks: inout PatternMarks) {
        var stack = [pc]
        while let pc = stack.popLast() {
            guard marks.insert(pc) else { continue }
            let instruction = instructions[pc]
            switch instruction.operation {
            case .bytes, .match: break
            case .jump: stack.append(instruction.next)
            case .split:
                stack.append(instruction.other)
                stack.append(instruction.next)
            case .start: if isAtStart { stack.append(instruction.next) }
            case .end: if isAtEnd { stack.append(instruction.next) }
            }
        }
    }
}

/// Which instructions an automaton is at; a sparse set, so that clearing it costs nothing.
struct PatternMarks: Sendable {
    private(set) var members: [Int] = []
    private var isIn: [Bool]

    init(count: Int) { isIn = [Bool](repeating: false, count: count) }

    mutating func insert(_ member: Int) -> Bool {
        guard !isIn[member] else { return false }
        isIn[member] = true
        members.append(member)
        return true
    }

    mutating func removeAll() {
        for member in members { isIn[member] = false }
        members.removeAll(keepingCapacity: true)
    }
}
