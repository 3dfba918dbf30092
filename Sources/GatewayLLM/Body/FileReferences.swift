import GatewayWire

/// Where a request's body names files that a provider keeps: the strings of `file_id` and the like, at any depth. Reads
/// text that has been found to be JSON, once, in memory that grows with its depth only.
///
/// What merely tells of a file is not one that is asked for: citations and results in the words of an earlier answer,
/// the arguments of tools and their schemas, metadata.
struct FileReferences {
    /// So many names of files in one request at most.
    static let countMax = 500

    private enum Name {
        /// What it holds is no name of a file, but may have some within.
        case other
        case file
        /// Nothing in it is.
        case told
        /// Its members are named by the caller.
        case variables
    }

    private struct Container {
        var isObject: Bool
        var isTold: Bool
        /// An array under the name of files.
        var isFiles = false
        var isVariables = false
    }

    private var containers: [Container] = []
    private var name = Name.other
    private var expectsName = false
    private var index = 0

    private init() {}

    /// The places of the names between their quotes, in order; nil for too many.
    static func find(in body: Span<UInt8>) -> [Range<Int>]? {
        var search = FileReferences()
        var found: [Range<Int>] = []
        while search.index < body.count {
            guard let range = search.step(body) else { continue }
            guard found.count < countMax else { return nil }
            found.append(range)
        }
        return found
    }

    /// One token on; where it names a file, its place.
    private mutating func step(_ body: Span<UInt8>) -> Range<Int>? {
        switch body[index] {
        case 0x22: return string(body)
        case 0x7B, 0x5B: open(isObject: body[index] == 0x7B)
        case 0x7D, 0x5D: _ = containers.popLast()
        case 0x2C: expectsName = containers.last?.isObject ?? false
        default: break
        }
        index += 1
        return nil
    }

    private mutating func open(isObject: Bool) {
        let outer = containers.last
        let holds: Name = outer?.isObject == true ? name : .other
        var new = Container(isObject: isObject, isTold: outer?.isTold == true || holds == .told)
        new.isFiles = !isObject && (holds == .file || outer?.isFiles == true)
        new.isVariables = isObject && holds == .variables
        containers.append(new)
        expectsName = isObject
    }

    private mutating func string(_ body: Span<UInt8>) -> Range<Int>? {
        let start = index + 1
        index = start
        var hasEscape = false
        while index < body.count, body[index] != 0x22 {
            if body[index] == 0x5C {
                hasEscape = true
                index += 1
            }
            index += 1
        }
        let range = start..<min(index, body.count)
        index += 1
        guard let container = containers.last else { return nil }
        if container.isObject, expectsName {
            expectsName = false
            name = FileReferences.name(body, range, hasEscape, container, depth: containers.count)
            return nil
        }
        guard !container.isTold else { return nil }
        return (container.isObject ? name == .file : container.isFiles) ? range : nil
    }

    private static let told: [StaticString] = [
        "annotations", "results", "metadata", "parameters", "input_schema", "schema",
    ]

    private static func name(
        _ body: Span<UInt8>, _ range: Range<Int>, _ hasEscape: Bool, _ container: Container, depth: Int
    ) -> Name {
        func isName(_ text: StaticString) -> Bool { JSONString.isEqual(body, range, hasEscape, text) }
        if isName("file_id") || isName("input_file_id") || isName("file_ids") || isName("part_ids") { return .file }
        guard !container.isVariables else { return .other }
        if isName("variables") { return .variables }
        // At the top it is what is asked, further down what a tool was given.
        if depth > 1, isName("input") { return .told }
        return told.contains(where: isName) ? .told : .other
    }
}
