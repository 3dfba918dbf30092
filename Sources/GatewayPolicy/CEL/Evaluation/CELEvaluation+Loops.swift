/// Macros that walk a list or map.
extension CELEvaluation {
    /// The elements a loop visits: `keys` alone for a list or the keys of a map, `values` besides for two variables.
    private struct Range {
        var keys: [CELValue]
        /// Nil for a list, whose keys are its elements.
        var values: [CELValue]?
    }

    private mutating func range(_ loop: CELLoop, _ node: CELNode) throws(CELFault) -> Range {
        let range = try value(loop.range)
        offset = Int(node.offset)
        switch range {
        case .list(let elements): return Range(keys: elements)
        case .map(let map): return Range(keys: map.keys, values: map.values)
        default: throw CELFault("a macro walks a list or a map, found \(range.type.name)")
        }
    }

    @inline(__always)
    private mutating func bind(_ loop: CELLoop, _ range: borrowing Range, _ position: Int) {
        if loop.second < 0 {
            locals[Int(loop.first)] = range.keys[position]
        } else if let values = range.values {
            locals[Int(loop.first)] = range.keys[position]
            locals[Int(loop.second)] = values[position]
        } else {
            locals[Int(loop.first)] = .int(Int64(position))
            locals[Int(loop.second)] = range.keys[position]
        }
    }

    /// `all`, `exists` and `existsOne`. The first two absorb failures as `&&` and `||` do; the last does not.
    mutating func asked(_ loop: CELLoop, _ node: CELNode) throws(CELFault) -> Bool {
        let range = try range(loop, node)
        if loop.kind == .existsOne {
            var found = 0
            for position in range.keys.indices {
                bind(loop, range, position)
                if try truth(loop.body) { found += 1 }
            }
            return found == 1
        }
        let decisive = loop.kind == .exists
        var failure: (fault: CELFault, offset: Int)?
        for position in range.keys.indices {
            bind(loop, range, position)
            do throws(CELFault) {
                if try truth(loop.body) == decisive { return decisive }
            } catch {
                if error.isCost { throw error }
                if failure == nil { failure = (error, offset) }
            }
        }
        if let failure {
            offset = failure.offset
            throw failure.fault
        }
        return !decisive
    }

    /// `map`, `filter`, `transformList`, `transformMap` and `transformMapEntry`.
    mutating func made(_ loop: CELLoop, _ node: CELNode) throws(CELFault) -> CELValue {
        let range = try range(loop, node)
        var keys: [CELValue] = []
        var values: [CELValue] = []
        for position in range.keys.indices {
            bind(loop, range, position)
            if loop.filter >= 0, !(try truth(loop.filter)) { continue }
            let result = try value(loop.body)
            switch loop.kind {
            case .mapEntry:
                guard case .map(let entry) = result else {
                    offset = Int(node.offset)
                    throw .noOverload("transformMapEntry", result)
                }
                keys += entry.keys
                values += entry.values
                try charge(entry.count)
            case .map:
                // The index of a list, or the key of a map, is the key of the result.
                keys.append(range.values == nil ? .int(Int64(position)) : range.keys[position])
                values.append(result)
            default: values.append(result)
            }
        }
        offset = Int(node.offset)
        if loop.kind == .list { return .list(values) }
        return .map(try CELEvaluation.map(keys, values))
    }
}
