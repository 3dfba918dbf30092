/// Makes a provider's words fit to be shown: bounded, printable, without what names an account.
enum RedactedText {
    /// How names of accounts, keys and requests begin.
    private static let prefixes = [
        "org-", "org_", "proj_", "proj-", "sk-", "sk_", "pk-", "rk-", "key-", "user-", "acct_", "acct-", "aiza", "gsk_",
        "xai-", "ya29.", "akia", "asia", "eyj",
    ]

    /// A message with each such name replaced.
    static func message(_ text: String) -> String {
        var result = ""
        var word = ""
        var hidesNext = false
        func flush() {
            defer { word = "" }
            guard !word.isEmpty else { return }
            let lower = word.lowercased()
            let isSecret = prefixes.contains { lower.hasPrefix($0) && lower.utf8.count >= $0.utf8.count + 4 }
            let isHidden = isSecret || hidesNext && lower != "id" && lower != "with" && lower != "is"
            result += isHidden ? "[hidden]" : word
            hidesNext = lower == "organization" || lower == "organisation" || lower == "workspace"
        }
        for scalar in text.unicodeScalars {
            switch scalar {
            case "a"..."z", "A"..."Z", "0"..."9", "-", "_", ".", "*": word.unicodeScalars.append(scalar)
            default:
                flush()
                result.unicodeScalars.append(scalar.value < 0x20 || scalar.value == 0x7F ? " " : scalar)
            }
            guard result.utf8.count < ProviderError.messageBytesMax else { break }
        }
        flush()
        return result
    }

    /// A short word such as a code or the name of a field; empty if it is none.
    static func word(_ text: String) -> String {
        let isWord = text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value < 0x7F && $0 != "\"" && $0 != "\\" }
        return isWord && text.utf8.count <= 128 ? message(text) : ""
    }
}
