import Foundation
import GatewayModel
import Testing

@testable import GatewayControl

@Suite("Files and folders are read, and read again when they change")
struct FileSourceTests {
    @Test func foldersAreReadInOrderWithoutHiddenFiles() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(atPath: folder.path + "/inner", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: folder.path + "/..data", withIntermediateDirectories: true)
        let parts = exampleText.split(separator: "---\n").map(String.init)
        try folder.write(parts[0], to: "a.yaml")
        try folder.write(parts[1], to: "inner/b.yml")
        try folder.write(
            #"{"apiVersion":"sluice.dev/v1alpha1","kind":"Backend","metadata":{"name":"app"},"#
                + #""spec":{"endpoints":[{"host":"127.0.0.1","port":9000}]}}"#, to: "c.json")
        try folder.write("not: [read", to: "d.txt")
        try folder.write("not: [read", to: ".e.yaml.swp.yaml")
        try folder.write("not: [read", to: "..data/f.yaml")
        let load = FileSource(paths: [folder.path]).load()
        #expect(load.diagnostics == [])
        #expect(load.files == ["a.yaml", "c.json", "inner/b.yml"].map { "\(folder.path)/\($0)" })
        #expect(load.set.count == 3)
    }

    @Test func aMissingFileIsNamedWithTheNearest() throws {
        let folder = try TemporaryFolder()
        try folder.write(exampleText, to: "gateway.yaml")
        let load = FileSource(paths: [folder.path + "/gatway.yaml"]).load()
        #expect(load.diagnostics.map(\.code) == [.unreadableFile])
        #expect(load.diagnostics.first?.hint == "did you mean \"gateway.yaml\"?")
    }

    @Test func allFilesTogetherHaveALimit() throws {
        let folder = try TemporaryFolder()
        try folder.write(exampleText, to: "a.yaml")
        var limits = Limits.standard
        limits.configurationBytesMax = exampleText.utf8.count - 1
        let load = FileSource(paths: [folder.path], limits: limits).load()
        #expect(load.diagnostics.map(\.code) == [.tooLarge])
    }

    @Test func aLoopOfLinksEnds() throws {
        let folder = try TemporaryFolder()
        try folder.write(exampleText, to: "a.yaml")
        try FileManager.default.createSymbolicLink(atPath: folder.path + "/loop", withDestinationPath: folder.path)
        #expect(FileSource(paths: [folder.path]).load().diagnostics == [])
    }

    @Test(.timeLimit(.minutes(1))) func editorsAndConfigMapsAreFollowed() async throws {
        let folder = try TemporaryFolder()
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder.path + "/..1", withIntermediateDirectories: true)
        try folder.write(exampleText, to: "..1/app.yaml")
        try manager.createSymbolicLink(atPath: folder.path + "/..data", withDestinationPath: "..1")
        try manager.createSymbolicLink(atPath: folder.path + "/app.yaml", withDestinationPath: "..data/app.yaml")
        let source = FileSource(paths: [folder.path])
        var loads = source.loads(pollMilliseconds: 5, quietMilliseconds: 5).makeAsyncIterator()
        func port(_ load: ConfigurationLoad?) -> Int? { load?.set.gateways.first?.spec.listeners.first?.port }
        #expect(port(await loads.next()) == 8080)

        // The way a ConfigMap changes: a new folder, and one link swapped.
        try manager.createDirectory(atPath: folder.path + "/..2", withIntermediateDirectories: true)
        try folder.write(example(replacing: "port: 8080", with: "port: 8081"), to: "..2/app.yaml")
        try manager.createSymbolicLink(atPath: folder.path + "/..tmp", withDestinationPath: "..2")
        #expect(unsafe rename(folder.path + "/..tmp", folder.path + "/..data") == 0)
        #expect(port(await loads.next()) == 8081)

        // The way an editor saves: a new file renamed over the old one.
        try folder.write(example(replacing: "port: 8080", with: "port: 8082"), to: ".app.yaml.new")
        #expect(unsafe rename(folder.path + "/.app.yaml.new", folder.path + "/app.yaml") == 0)
        #expect(port(await loads.next()) == 8082)

        // A broken state is delivered with its reason.
        try folder.write("a: [", to: "b.yaml")
        #expect(await loads.next()?.diagnostics.map(\.code) == [.syntax])
        try manager.removeItem(atPath: folder.path + "/b.yaml")
        #expect(await loads.next()?.isUsable == true)
    }

    @Test func aChangeIsLoadedWhenItHasComeToRest() {
        let a = FileFingerprint("a")
        let b = FileFingerprint("b")
        let c = FileFingerprint("c")
        var debounce = ReloadDebounce(loaded: a, quietMilliseconds: 100, patienceMilliseconds: 1_000)
        #expect(debounce.observe(a, atMilliseconds: 0) == false)
        #expect(debounce.isSettled)
        #expect(debounce.observe(b, atMilliseconds: 10) == false)
        #expect(!debounce.isSettled)
        #expect(debounce.observe(c, atMilliseconds: 100) == false)
        #expect(debounce.observe(c, atMilliseconds: 199) == false)
        #expect(debounce.observe(c, atMilliseconds: 200) == true)
        #expect(debounce.isSettled)
        #expect(debounce.observe(c, atMilliseconds: 900) == false)
        // There and back again is no change.
        #expect(debounce.observe(b, atMilliseconds: 1_000) == false)
        #expect(debounce.observe(c, atMilliseconds: 1_010) == false)
        #expect(debounce.observe(c, atMilliseconds: 2_000) == false)
        #expect(debounce.isSettled)
    }

    @Test func whatNeverRestsIsLoadedAllTheSame() {
        var debounce = ReloadDebounce(
            loaded: FileFingerprint("0"), quietMilliseconds: 100, patienceMilliseconds: 1_000)
        let loads = (1...40).filter { debounce.observe(FileFingerprint("\($0)"), atMilliseconds: $0 * 50) }
        #expect(loads.count == 1)
        #expect(loads.first == 21)
    }
}
