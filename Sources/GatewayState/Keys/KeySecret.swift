import Crypto

/// The text a caller shows. 43 letters and digits at random are 256 bits: nothing to guess, so that a plain SHA-256
/// keeps it as well as a slow hash would.
enum KeySecret {
    static let prefix = "slk_"
    static let hintCount = 8
    private static let secretCount = 43
    private static let idCount = 12
    private static let letters = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789")

    static func make() -> String { prefix + random(secretCount, of: letters) }

    static func makeID() -> String { "key_" + random(idCount, of: letters.filter { !$0.isUppercase }) }

    static func hint(_ secret: String) -> String { String(secret.prefix(hintCount)) }

    static func digest(_ secret: String) -> [UInt8] { Array(SHA256.hash(data: Array(secret.utf8))) }

    private static func random(_ count: Int, of letters: [Character]) -> String {
        var generator = SystemRandomNumberGenerator()
        return String((0..<count).compactMap { _ in letters.randomElement(using: &generator) })
    }
}
