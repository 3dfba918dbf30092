import Foundation
import GatewayModel
import Testing

@testable import GatewayControl

/// A folder that is gone after the test.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.path + "/sluice-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: URL(fileURLWithPath: "\(path)/\(name)"))
    }
}

@Suite("The store keeps the last good state, its history and its versions")
struct ObjectStoreTests {
    static let backend =
        "apiVersion: sluice.dev/v1alpha1\nkind: Backend\nmetadata: {name: NAME}\n"
        + "spec: {endpoints: [{host: 127.0.0.1, port: PORT}]}\n"

    private func backend(_ name: String, port: Int = 1) -> [ConfigurationLoad.Text] {
        let text = Self.backend.split(separator: "NAME").joined(separator: name)
            .split(separator: "PORT").joined(separator: String(port))
        return [ConfigurationLoad.Text(bytes: Array(text.utf8), file: "admin")]
    }

    private let key = ObjectKey(.backend, name: "b")

    @Test func filesBecomeARevisionAndTheSameFilesDoNot() async throws {
        let store = try ObjectStore(stateFolder: nil)
        let first = await store.replaceFiles(load(exampleText))
        #expect(first.isApplied)
        #expect(first.revision == 1)
        #expect(first.changes.map(\.kind) == [.added, .added, .added])
        let again = await store.replaceFiles(load(exampleText))
        #expect(!again.isApplied)
        #expect(again.revision == 1)
        let moved = await store.replaceFiles(load("# moved\n" + exampleText))
        #expect(!moved.isApplied)
        #expect(await store.snapshot.set.objects.first?.position.line == 2 || moved.revision == 1)
    }

    @Test func filesThatAreEmptyAllAtOnceLeaveTheLastGoodState() async throws {
        let store = try ObjectStore(stateFolder: nil)
        // Who begins without objects may bring them by the admin API.
        #expect(await !store.replaceFiles(load("")).isRefused)
        await store.replaceFiles(load(exampleText))
        for text in ["", "# to be written\n", "---\n---\n"] {
            let outcome = await store.replaceFiles(load(text))
            #expect(outcome.isRefused)
            #expect(outcome.diagnostics.map(\.code) == [.emptyConfiguration])
        }
        let snapshot = await store.snapshot
        #expect(snapshot.revision == 1)
        #expect(snapshot.set.objects.count == 3)
        #expect(snapshot.refusedFiles.map(\.code) == [.emptyConfiguration])
        await store.replaceFiles(load(exampleText))
        #expect(await store.snapshot.refusedFiles.isEmpty)
    }

    @Test func aBrokenFileLeavesTheLastGoodStateAndSaysWhy() async throws {
        let store = try ObjectStore(stateFolder: nil)
        await store.replaceFiles(load(exampleText))
        let outcome = await store.replaceFiles(load(example(replacing: "port: 8080", with: "port: 0")))
        #expect(outcome.isRefused)
        let snapshot = await store.snapshot
        #expect(snapshot.revision == 1)
        #expect(snapshot.set.gateways.first?.spec.listeners.first?.port == 8080)
        #expect(snapshot.refusedFiles.map(\.code) == [.invalidValue])
        await store.replaceFiles(load(example(replacing: "port: 8080", with: "port: 8081")))
        #expect(await store.snapshot.refusedFiles == [])
        #expect(await store.snapshot.revision == 2)
    }

    @Test func whatCannotBeCompiledIsRefused() async throws {
        let place = SourcePosition(file: "f", line: 1, column: 1)
        let store = try ObjectStore(
            stateFolder: nil,
            provision: { set in
                set.backends.isEmpty ? [] : [Diagnostic(.invalidCertificate, at: place, "no")]
            })
        let outcome = try await store.apply(backend("b"))
        #expect(outcome.isRefused)
        #expect(await store.snapshot.revision == 0)
        #expect(await store.snapshot.set.isEmpty)
    }

    @Test func objectsAreAppliedAndDeletedWithVersions() async throws {
        let store = try ObjectStore(stateFolder: nil)
        let created = try await store.apply(backend("b"), precondition: Precondition(ifNoneMatch: true))
        #expect(created.isApplied)
        #expect(await store.snapshot.entries[key]?.resourceVersion == "1")
        await #expect(throws: GatewayError.self) {
            try await store.apply(backend("b", port: 2), precondition: Precondition(ifNoneMatch: true))
        }
        await #expect(throws: GatewayError.self) {
            try await store.apply(backend("b", port: 2), precondition: Precondition(ifMatch: ["7"]))
        }
        let changed = try await store.apply(backend("b", port: 2), precondition: Precondition(ifMatch: ["1"]))
        #expect(changed.changes.first?.fields.map(\.description) == ["~ spec.endpoints[0].port: 1 → 2"])
        #expect(await store.snapshot.entries[key]?.resourceVersion == "2")
        let same = try await store.apply(backend("b", port: 2))
        #expect(!same.isApplied)
        await #expect(throws: GatewayError.self) {
            try await store.delete(key, precondition: Precondition(ifMatch: ["1"]))
        }
        let deleted = try await store.delete(key, precondition: Precondition(ifMatch: ["2"]))
        #expect(deleted.changes.map(\.kind) == [.deleted])
        let error = await #expect(throws: GatewayError.self) { try await store.delete(key) }
        #expect(error?.code == .notFound)
    }

    @Test func aStaleVersionInsideTheObjectIsAConflict() async throws {
        let store = try ObjectStore(stateFolder: nil)
        _ = try await store.apply(backend("b"))
        _ = try await store.apply(backend("b", port: 2))
        let stale =
            "apiVersion: sluice.dev/v1alpha1\nkind: Backend\nmetadata: {name: b, resourceVersion: \"1\"}\n"
            + "spec: {endpoints: [{host: 127.0.0.1, port: 3}]}\n"
        let error = await #expect(throws: GatewayError.self) {
            try await store.apply([ConfigurationLoad.Text(bytes: Array(stale.utf8), file: "admin")])
        }
        #expect(error?.code == .conflict)
    }

    @Test func aDryRunChangesNothing() async throws {
        let store = try ObjectStore(stateFolder: nil)
        let outcome = try await store.apply(backend("b"), dryRun: true)
        #expect(!outcome.isApplied)
        #expect(outcome.changes.map(\.kind) == [.added])
        #expect(await store.snapshot.revision == 0)
    }

    @Test func objectsFromFilesAreReadOnly() async throws {
        let store = try ObjectStore(stateFolder: nil)
        await store.replaceFiles(load(exampleText))
        let error = await #expect(throws: GatewayError.self) { try await store.apply(backend("app")) }
        #expect(error?.code == .readOnlyObject)
        #expect(error?.hint == "edit app.yaml")
        let other = await #expect(throws: GatewayError.self) {
            try await store.delete(ObjectKey(.backend, name: "app"))
        }
        #expect(other?.code == .readOnlyObject)
    }

    @Test func whatWasAppliedStaysWhenFilesChange() async throws {
        let store = try ObjectStore(stateFolder: nil)
        await store.replaceFiles(load(exampleText))
        _ = try await store.apply(backend("b"))
        await store.replaceFiles(load(example(replacing: "port: 9000", with: "port: 9001")))
        let snapshot = await store.snapshot
        #expect(snapshot.set.backends.map(\.metadata.name) == ["app", "b"])
        #expect(snapshot.entries[key]?.resourceVersion == "2")
        #expect(snapshot.entries[ObjectKey(.backend, name: "app")]?.resourceVersion == "3")
    }

    @Test func deletingWhatIsReferredToIsRefused() async throws {
        let store = try ObjectStore(stateFolder: nil)
        _ = try await store.apply([ConfigurationLoad.Text(bytes: Array(exampleText.utf8), file: "admin")])
        let outcome = try await store.delete(ObjectKey(.backend, name: "app"))
        #expect(outcome.isRefused)
        #expect(outcome.diagnostics.map(\.code) == [.danglingReference])
    }

    @Test func stateSurvivesARestartAndRollsBack() async throws {
        let folder = try TemporaryFolder()
        let store = try ObjectStore(stateFolder: folder.path, now: { 42 })
        await store.replaceFiles(load(exampleText))
        _ = try await store.apply(backend("b"))
        _ = try await store.apply(backend("b", port: 2))

        let restarted = try ObjectStore(stateFolder: folder.path, now: { 43 })
        #expect(await restarted.snapshot.revision == 3)
        #expect(await restarted.snapshot.set.count == 4)
        #expect(await restarted.snapshot.set.backend("default", "b")?.spec.endpoints.first?.port == 2)
        #expect(await restarted.snapshot.entries[key]?.origin == .overlay)
        let revisions = await restarted.revisions()
        #expect(revisions.map(\.revision) == [3, 2, 1])
        #expect(revisions.map(\.cause) == [.apply, .apply, .files])
        #expect(revisions.first?.changes == ["modified Backend b"])
        #expect(revisions.first?.time == 42)

        let rolled = try await restarted.rollback(to: 2)
        #expect(rolled.revision == 4)
        #expect(await restarted.snapshot.set.backend("default", "b")?.spec.endpoints.first?.port == 1)
        #expect(await restarted.revisions().first?.cause == .rollback(to: 2))
        let error = await #expect(throws: GatewayError.self) { try await restarted.rollback(to: 99) }
        #expect(error?.code == .notFound)
    }

    @Test func aRevisionKnowsTheFilesItsObjectsStoodIn() async throws {
        let folder = try TemporaryFolder()
        let store = try ObjectStore(stateFolder: folder.path)
        let text = Self.backend.split(separator: "NAME").joined(separator: "b")
        func load(port: Int) -> ConfigurationLoad {
            let text = "# a comment\n" + text.split(separator: "PORT").joined(separator: String(port))
            return ConfigurationLoad(
                texts: [ConfigurationLoad.Text(bytes: Array(text.utf8), file: "/etc/sluice/b.yaml")], mode: .tolerant)
        }
        await store.replaceFiles(load(port: 1))
        await store.replaceFiles(load(port: 2))
        // Findings and relative paths start at the file, not at the history.
        let place = SourcePosition(file: "/etc/sluice/b.yaml", line: 2, column: 1)
        let restarted = try ObjectStore(stateFolder: folder.path)
        #expect(await restarted.snapshot.set.objects.map(\.position) == [place])
        let rolled = try await store.rollback(to: 1)
        #expect(rolled.isApplied)
        #expect(await store.snapshot.set.objects.map(\.position) == [place])
        // One that differs in nothing is taken too.
        let same = try await store.rollback(to: rolled.revision)
        #expect(!same.isRefused)
        #expect(await store.snapshot.set.objects.map(\.position) == [place])
    }

    @Test func historyIsBoundedAndPrivate() async throws {
        let folder = try TemporaryFolder()
        let store = try ObjectStore(stateFolder: folder.path, historyCountMax: 3)
        for port in 1...6 { _ = try await store.apply(backend("b", port: port)) }
        #expect(await store.revisions().map(\.revision) == [6, 5, 4])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path + "/history")
        for name in names {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.path + "/history/" + name)
            #expect(attributes[.posixPermissions] as? Int == 0o600)
        }
    }

    @Test func aTornRevisionIsPassedOver() async throws {
        let folder = try TemporaryFolder()
        let store = try ObjectStore(stateFolder: folder.path)
        _ = try await store.apply(backend("b", port: 1))
        _ = try await store.apply(backend("b", port: 2))
        try folder.write("{\"revision\": 2, \"obj", to: "history/00000002.json")
        let restarted = try ObjectStore(stateFolder: folder.path)
        #expect(await restarted.snapshot.set.backend("default", "b")?.spec.endpoints.first?.port == 1)
        // A number is never used twice.
        _ = try await restarted.apply(backend("b", port: 3))
        #expect(await restarted.snapshot.revision == 3)
    }

    @Test func secretsSurviveInHistoryButNotInViews() async throws {
        let folder = try TemporaryFolder()
        let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {k: hunter2}\n"
        let store = try ObjectStore(stateFolder: folder.path)
        _ = try await store.apply([ConfigurationLoad.Text(bytes: Array(text.utf8), file: "admin")])
        let restarted = try ObjectStore(stateFolder: folder.path)
        let snapshot = await restarted.snapshot
        #expect(snapshot.set.secret("default", "s")?.data["k"]?.matches(Array("hunter2".utf8)) == true)
        let rendered = try #require(snapshot.rendered(ObjectKey(.secret, name: "s")))
        #expect(!JSONPrinter.print(rendered).contains("hunter2"))
        #expect(rendered["metadata"]?["resourceVersion"]?.string == "1")
    }

    @Test(.timeLimit(.minutes(1))) func changesAreAnnounced() async throws {
        let store = try ObjectStore(stateFolder: nil)
        let stream = await store.changes()
        await store.replaceFiles(load(exampleText))
        _ = try await store.apply(backend("b"))
        var seen: [Int] = []
        for await change in stream {
            seen.append(change.snapshot.revision)
            if change.changes.contains(where: { $0.key == key }) { break }
        }
        #expect(seen == [1, 2])
    }
}
