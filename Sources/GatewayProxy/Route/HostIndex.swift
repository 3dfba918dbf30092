/// Host names to numbers by the Gateway API's precedence: the exact name, then wildcards from the longest, then any.
/// `*.example.com` covers one label or more before `.example.com`, never `example.com` itself.
struct HostIndex: Sendable {
    private var exact = ByteTable()
    /// By suffix, with its leading dot.
    private var wildcards = ByteTable()
    private var any = -1

    /// Adds a name that is not there yet: lower case, empty for any.
    mutating func insert(_ hostname: String, value: Int) {
        if hostname.isEmpty {
            any = value
        } else if hostname.hasPrefix("*.") {
            wildcards.insert(hostname.utf8.dropFirst(), value: value)
        } else {
            exact.insert(hostname.utf8, value: value)
        }
    }

    /// Offers what covers a host, most specific first, until `accept` says true.
    @inline(__always)
    func visit(_ bytes: Span<UInt8>, _ host: Range<Int>, _ accept: (Int) -> Bool) {
        if exact.count > 0 {
            let value = exact.find(bytes, host)
            if value >= 0, accept(value) { return }
        }
        if wildcards.count > 0 {
            var index = host.lowerBound &+ 1
            while index < host.upperBound {
                if bytes[index] == 0x2E {
                    let value = wildcards.find(bytes, index..<host.upperBound)
                    if value >= 0, accept(value) { return }
                }
                index &+= 1
            }
        }
        if any >= 0 { _ = accept(any) }
    }

    /// The most specific entry for a host, -1 when nothing covers it.
    func best(_ bytes: Span<UInt8>, _ host: Range<Int>) -> Int {
        var result = -1
        visit(bytes, host) { value in
            result = value
            return true
        }
        return result
    }
}
