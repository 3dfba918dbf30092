/// Many blocks as sorted, disjoint ranges: a look-up is one binary search, however many blocks there are.
package struct CIDRSet: Sendable, Equatable {
    private var starts: [IPAddress] = []
    private var ends: [IPAddress] = []

    package init() {}

    package init(_ blocks: [CIDR]) {
        // A block of mapped addresses means the IPv4 addresses themselves.
        let sorted = blocks.map { CIDRSet.range($0) }.sorted { $0.0 < $1.0 }
        for (start, end) in sorted {
            if let last = ends.last, start <= last, last.family == start.family {
                if end > last { ends[ends.count - 1] = end }
            } else {
                starts.append(start)
                ends.append(end)
            }
        }
    }

    private static func range(_ block: CIDR) -> (IPAddress, IPAddress) {
        block.prefixLength >= 96 && block.address.isMapped
            ? (block.first.unmapped, block.last.unmapped) : (block.first, block.last)
    }

    package var isEmpty: Bool { starts.isEmpty }

    /// Whether a block holds the address; IPv4-mapped addresses are judged as IPv4.
    package func contains(_ other: IPAddress) -> Bool {
        guard !starts.isEmpty else { return false }
        let address = other.unmapped
        var low = 0
        var high = starts.count
        while low < high {
            let middle = (low + high) / 2
            if starts[middle] <= address { low = middle + 1 } else { high = middle }
        }
        return low > 0 && address <= ends[low - 1]
    }
}
