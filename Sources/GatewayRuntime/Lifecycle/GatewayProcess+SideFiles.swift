import GatewayControl
import GatewayModel
import GatewayRecords

/// Files that the configuration names change without the configuration: keys come and go.
extension GatewayProcess {
    /// Serves again with the files as they are now, whenever one has changed; one that cannot be used leaves
    /// everything as it is.
    func followSideFiles() async {
        for await _ in SideFile.changes(of: { self.sideFiles }) {
            do { try await serveAgain() } catch {
                registry.process.reloadRefused()
                Console.error("a changed file of the configuration does not serve: \(error)")
            }
        }
    }

    private func serveAgain() async throws {
        var desired = await store.snapshot
        while true {
            let findings = provision(desired.set)
            guard !findings.hasErrors else {
                report(findings)
                return registry.process.reloadRefused()
            }
            let digest = try await serve(desired)
            Console.error("revision \(desired.revision) serves with its files as they are now; digest \(digest)")
            // A change of the objects may have been served in the meantime, and must not be undone.
            let newest = await store.snapshot
            if newest.revision == desired.revision { return }
            desired = newest
        }
    }
}
