/// The way from a document's root to one of its values, written `spec.rules[0].backendRefs`.
package indirect enum ConfigPath: Sendable, Hashable, CustomStringConvertible {
    case root
    case field(ConfigPath, String)
    case index(ConfigPath, Int)

    package var parent: ConfigPath? {
        switch self {
        case .root: nil
        case .field(let parent, _), .index(let parent, _): parent
        }
    }

    package subscript(name: String) -> ConfigPath { .field(self, name) }
    package subscript(index: Int) -> ConfigPath { .index(self, index) }

    package var description: String {
        switch self {
        case .root: return ""
        case .field(let parent, let name):
            let plain = name.utf8.allSatisfy { $0 != UInt8(ascii: ".") && $0 != UInt8(ascii: "[") }
            if !plain { return "\(parent)[\"\(name)\"]" }
            let before = parent.description
            return before.isEmpty ? name : "\(before).\(name)"
        case .index(let parent, let index): return "\(parent)[\(index)]"
        }
    }

    /// `spec` of any object.
    package static let spec = ConfigPath.root["spec"]
}
