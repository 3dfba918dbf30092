import Testing

@testable import GatewayRuntime

@Suite("Pages of code are given back after the start")
struct ProgramTextTests {
    @Test(
        "only pages that are never written: code, and what lies before that of the program",
        arguments: [
            ("00401000-00402000 r-xp 00001000 08:01 4711 /usr/bin/sluice", 0x401000..<0x402000),
            ("7f00000000-7f00001000 r--p 00000000 08:01 4711 /usr/bin/sluice", 0x7f_0000_0000..<0x7f_0000_1000),
            ("7f00000000-7f00001000 r--p 00001000 08:01 4711 /usr/bin/sluice", nil),
            ("7f00000000-7f00001000 r--p 00000000 08:01 4711 /usr/lib/libc.so.6", nil),
            ("7f00000000-7f00001000 rw-p 00000000 08:01 4711 /usr/bin/sluice", nil),
            ("7f00001000-7f00000000 r-xp 00000000 08:01 4711 /usr/bin/sluice", nil), ("", nil), ("x-y r-xp a", nil),
            ("00401000-00402000 r-xp 00001000 08:01 4711      /usr/lib/libc.so.6", 0x401000..<0x402000),
            ("7ffc00000000-7ffc00002000 r-xp 00000000 00:00 0     [vdso]", nil),
        ] as [(String, Range<UInt>?)])
    func ranges(_ line: String, _ range: Range<UInt>?) {
        #expect(ProgramText.codeRange(Substring(line), of: "/usr/bin/sluice") == range)
    }

    @Test("the process goes on")
    func goesOn() {
        ProgramText.giveBack()
        #expect(Processors.usable >= 1)
    }

    @Test(
        "processors are counted in the mask the kernel gives",
        arguments: [
            ("Cpus_allowed:\t3", 2), ("Cpus_allowed:\tff,ffffffff", 40), ("Cpus_allowed:\t0", 0),
            ("Cpus_allowed_list:\t0-1", nil), ("Cpus_allowed:\tx", nil), ("", nil),
        ] as [(String, Int?)])
    func processors(_ line: String, _ count: Int?) {
        #expect(Processors.count(in: Substring(line)) == count)
    }
}
