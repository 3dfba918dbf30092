import GatewayState
import GatewayWire

/// Where a request's body names what a provider keeps: the strings of `file_id` and the like, at any depth. Reads text
/// that has been found to be JSON, once, in memory that grows with its depth only. Names count in any case.
///
/// What merely tells of a thing is not one that is asked for: citations and results in the words of an earlier answer,
/// the arguments of tools and their schemas, metadata. It is told only where the API has it, so that no name of the
/// caller's choice hides what is asked.
struct KeptReferences {
    /// So many names in one request at most, and so many copies of items.
    static let countMax = 500
    static let copiesMax = 4_096

    enum Kind: Equatable {
        case object(ProviderObject.Kind)
        case conversation
        case vectorStore
        /// An item of an earlier answer that is sent again whole. Who keeps it looks it up all the same.
        case copy
        case prompt
        case skill
    }

    struct Found: Equatable {
        var kind: Kind
        /// Between the quotes.
        var range: Range<Int>
        /// Of a copy: what has to go for its name to be gone, a comma included.
        var member = 0..<0
    }

    /// What an object or array is in the API.
    private enum Role {
        case root, other, told, variables, prompt
        case tools, tool, function
        case items(isInput: Bool)
        case item(Item)
        case content, part, format
        /// The strings in it are names.
        case names(Kind)
        /// Its `id` is one.
        case named(Kind)
    }

    /// What is known of an element of `input`.
    private struct Item {
        var isInput: Bool
        var type: [UInt8] = []
        var hasRole = false
        var hasResult = false
        var isEncrypted = false
        var ids: [Range<Int>] = []
        /// Where the name of the first of them begins, at its quote.
        var nameStart = 0

        /// It says nothing but which one it is, or too little without what its provider has kept.
        var isReference: Bool {
            switch String(decoding: type, as: UTF8.self) {
            case "item_reference": true
            case "image_generation_call": !hasResult
            case "reasoning", "compaction": !isEncrypted
            case "": !hasRole
            default: false
            }
        }
    }

    private struct Container {
        var role: Role
        var isObject: Bool
    }

    private var containers: [Container] = []
    private var found: [Found] = []
    private var name = ""
    private var nameStart = 0
    private var expectsName = false
    private var index: Int
    private let end: Int

    /// The names in the object at `range`; nil for too many.
    static func find(in body: Span<UInt8>, _ range: Range<Int>? = nil) -> [Found]? {
        let range = range ?? 0..<body.count
        var search = KeptReferences(index: range.lowerBound, end: range.upperBound)
        var copies = 0
        while search.index < search.end {
            let count = search.found.count
            search.step(body)
            guard count < search.found.count else { continue }
            copies += search.found[count...].count { $0.kind == .copy }
            guard copies <= copiesMax, search.found.count - copies <= countMax else { return nil }
        }
        return search.found
    }

    private init(index: Int, end: Int) {
        self.index = index
        self.end = end
    }

    /// One token on.
    private mutating func step(_ body: Span<UInt8>) {
        switch body[index] {
        case 0x22: return string(body)
        case 0x7B, 0x5B:
            containers.append(Container(role: role(isObject: body[index] == 0x7B), isObject: body[index] == 0x7B))
            expectsName = body[index] == 0x7B
        case 0x7D, 0x5D:
            index += 1
            if case .item(let item)? = containers.popLast()?.role { add(item, body) }
            return
        case 0x2C: expectsName = containers.last?.isObject ?? false
        default: break
        }
        index += 1
    }

    private mutating func add(_ item: Item, _ body: Span<UInt8>) {
        guard item.isInput, let id = item.ids.first else { return }
        // Nobody knows which of several names is read.
        if item.isReference || item.ids.count > 1 {
            found += item.ids.map { Found(kind: .object(.item), range: $0) }
            return
        }
        found.append(Found(kind: .copy, range: id, member: KeptReferences.member(body, item.nameStart, id.upperBound)))
    }

    /// The member between the quote before its name and the one behind its value, with a comma before or behind it.
    private static func member(_ body: Span<UInt8>, _ first: Int, _ last: Int) -> Range<Int> {
        func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 }
        var start = first - 1
        while isSpace(body[start]) { start -= 1 }
        if body[start] == 0x2C { return start..<(last + 1) }
        var end = last + 1
        while isSpace(body[end]) { end += 1 }
        return first..<(body[end] == 0x2C ? end + 1 : end)
    }

    // MARK: Strings

    private mutating func string(_ body: Span<UInt8>) {
        let start = index + 1
        index = start
        var hasEscape = false
        while index < end, body[index] != 0x22 {
            if body[index] == 0x5C {
                hasEscape = true
                index += 1
            }
            index += 1
        }
        let range = start..<min(index, end)
        index += 1
        guard let container = containers.last else { return }
        if container.isObject, expectsName {
            expectsName = false
            nameStart = start - 1
            name = KeptReferences.name(body, range, hasEscape)
            if case .item(var item) = container.role, name == "role" {
                item.hasRole = true
                containers[containers.count - 1].role = .item(item)
            }
            return
        }
        if case .item(var item) = container.role {
            note(body, range, hasEscape, &item)
            containers[containers.count - 1].role = .item(item)
        }
        if let kind = kind(in: container) { found.append(Found(kind: kind, range: range)) }
    }

    private func note(_ body: Span<UInt8>, _ range: Range<Int>, _ hasEscape: Bool, _ item: inout Item) {
        switch name {
        case "type": item.type = Array(KeptReferences.name(body, range, hasEscape).utf8)
        case "result": item.hasResult = !range.isEmpty
        case "encrypted_content": item.isEncrypted = !range.isEmpty
        case "id":
            if item.ids.isEmpty { item.nameStart = nameStart }
            item.ids.append(range)
        default: break
        }
    }

    /// Longer names are none of ours.
    private static func name(_ body: Span<UInt8>, _ range: Range<Int>, _ hasEscape: Bool) -> String {
        guard range.count <= 32 || hasEscape && range.count <= 192 else { return "-" }
        return String(decoding: JSONName.folded(body, range, hasEscape: hasEscape), as: UTF8.self)
    }

    /// What the string at hand names.
    private func kind(in container: Container) -> Kind? {
        switch container.role {
        case .told: return nil
        case .names(let kind): return kind
        case .named(let kind) where name == "id": return kind
        default: break
        }
        guard container.isObject else { return nil }
        if let kind = KeptReferences.anywhere(name) { return kind }
        switch (container.role, name) {
        case (.root, "previous_response_id"): return .object(.response)
        case (.root, "conversation"): return .conversation
        case (.root, "container"), (.tool, "container"): return .object(.container)
        case (.item, "approval_request_id"): return .object(.item)
        case (.prompt, "id"): return .prompt
        default: return nil
        }
    }

    /// By its name alone.
    private static func anywhere(_ name: String) -> Kind? {
        switch name {
        case "file_id", "file_ids", "input_file_id", "part_ids": .object(.file)
        case "container_id": .object(.container)
        case "vector_store_id", "vector_store_ids": .vectorStore
        case "skill_id": .skill
        default: nil
        }
    }

    // MARK: Places

    /// What an object or array that opens is.
    private func role(isObject: Bool) -> Role {
        guard let outer = containers.last else { return .root }
        guard outer.isObject else { return element(of: outer.role, isObject: isObject) }
        switch outer.role {
        case .told: return .told
        case .root: if let role = ofRoot(isObject: isObject) { return role }
        case .prompt: if name == "variables", isObject { return .variables }
        case .tool:
            if ["parameters", "input_schema", "schema"].contains(name) { return .told }
            if ["function", "custom"].contains(name), isObject { return .function }
            if name == "tools", !isObject { return .tools }
        case .function: if name == "parameters" { return .told }
        case .item:
            if ["annotations", "results"].contains(name) { return .told }
            if ["content", "output"].contains(name), !isObject { return .content }
            if name == "tools", !isObject { return .tools }
            if name == "audio", isObject { return .named(.object(.audio)) }
        case .part:
            if ["annotations", "citations", "input"].contains(name) { return .told }
            if name == "content", !isObject { return .content }
        case .format:
            if name == "schema" { return .told }
            if isObject { return .format }
        default: break
        }
        if let kind = KeptReferences.anywhere(name), !isObject { return .names(kind) }
        return .other
    }

    private func ofRoot(isObject: Bool) -> Role? {
        switch (name, isObject) {
        case ("metadata", _): .told
        case ("tools", false), ("functions", false): .tools
        case ("input", false): .items(isInput: true)
        case ("input", true): .item(Item(isInput: true))
        case ("messages", false): .items(isInput: false)
        case ("prompt", true): .prompt
        case ("response_format", true), ("text", true), ("output_config", true), ("output_format", true): .format
        case ("conversation", true): .named(.conversation)
        case ("container", true): .named(.object(.container))
        default: nil
        }
    }

    private func element(of array: Role, isObject: Bool) -> Role {
        switch array {
        case .told: .told
        case .tools where isObject: .tool
        case .items(let isInput) where isObject: .item(Item(isInput: isInput))
        case .content where isObject: .part
        // Lists in lists.
        case .items: array
        case .names(let kind) where !isObject: .names(kind)
        default: .other
        }
    }
}
