import GatewayModel
import Testing

@testable import GatewayRecords

@Suite("The tree of the audit log is RFC 6962's")
struct AuditTreeTests {
    /// The leaves and roots that certificate transparency's implementations share.
    static let leaves: [[UInt8]] = [
        [], [0x00], [0x10], [0x20, 0x21], [0x30, 0x31], Array(0x40...0x43), Array(0x50...0x57), Array(0x60...0x6F),
    ]
    static let roots = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]

    @Test("roots of known trees", arguments: 0...8)
    func roots(size: Int) {
        var tree = AuditTree()
        for leaf in Self.leaves.prefix(size) { tree.append(TreeHash.leaf(leaf)) }
        #expect(tree.root.hex == Self.roots[size])
    }

    /// The definition, word for word.
    private static func defined(_ leaves: ArraySlice<TreeHash>) -> TreeHash {
        guard leaves.count > 1 else { return leaves.first ?? .empty }
        var split = 1
        while split * 2 < leaves.count { split *= 2 }
        let middle = leaves.startIndex + split
        return TreeHash.node(defined(leaves[..<middle]), defined(leaves[middle...]))
    }

    private static func leaf(_ index: Int) -> TreeHash { TreeHash.leaf("leaf \(index)".utf8) }

    @Test("growing gives the roots of the definition, and full tiles on the way")
    func growing() {
        let all = (0..<70_000).map(Self.leaf)
        var tree = AuditTree()
        var tiles: [AuditTree.Tile] = []
        for (index, leaf) in all.enumerated() {
            tree.append(leaf) { tiles.append($0) }
            let size = index + 1
            if size < 600 || size % 9_973 == 0 || size == 65_536 {
                #expect(tree.root == Self.defined(all[..<size]), "size \(size)")
            }
        }
        #expect(tiles.count { $0.level == 0 } == 70_000 / 256)
        #expect(tiles.count { $0.level == 1 } == 1)
        #expect(tiles[3].hashes == Array(all[(3 * 256)..<(4 * 256)]))
        #expect(AuditTree(count: tree.count, edge: tree.edge)?.root == tree.root)
        #expect(AuditTree(count: tree.count + 1, edge: tree.edge) == nil)
    }

    @Test("every proof of inclusion holds, and none of anything else", arguments: [1, 2, 3, 7, 8, 13, 64, 65, 257])
    func inclusion(size: Int) throws {
        let all = (0..<size).map(Self.leaf)
        let root = Self.defined(all[...])
        let source: TreeProof.Source = { level, index in Self.defined(all[(index << level)..<((index + 1) << level)]) }
        for index in all.indices {
            let proof = try TreeProof.inclusion(of: index, size: size, source)
            #expect(proof.proves(all[index], at: index, in: root, size: size))
            #expect(!proof.proves(Self.leaf(size), at: index, in: root, size: size))
            if size > 1 { #expect(!proof.proves(all[index], at: (index + 1) % size, in: root, size: size)) }
            var longer = proof
            longer.hashes.append(root)
            #expect(!longer.proves(all[index], at: index, in: root, size: size))
            guard !proof.hashes.isEmpty else { continue }
            var shorter = proof
            shorter.hashes.removeLast()
            #expect(!shorter.proves(all[index], at: index, in: root, size: size))
        }
    }

    @Test("every earlier tree is proven to be the beginning", arguments: [1, 2, 6, 8, 31, 33])
    func consistency(size: Int) throws {
        let all = (0..<size).map(Self.leaf)
        let root = Self.defined(all[...])
        let source: TreeProof.Source = { level, index in Self.defined(all[(index << level)..<((index + 1) << level)]) }
        for earlier in 0...size {
            let before = Self.defined(all[..<earlier])
            let proof = try TreeProof.consistency(from: earlier, to: size, source)
            #expect(proof.proves(from: (earlier, before), to: (size, root)))
            if earlier > 0 { #expect(!proof.proves(from: (earlier, Self.leaf(99)), to: (size, root))) }
            guard earlier > 0, earlier < size else { continue }
            #expect(!proof.proves(from: (earlier, before), to: (size, Self.leaf(99))))
        }
    }

    @Test(
        "tiles lie where C2SP says",
        arguments: [
            (0, 0, 256, "tile/0/000"), (1, 1_234_067, 256, "tile/1/x001/x234/067"), (0, 273, 112, "tile/0/273.p/112"),
        ])
    func paths(level: Int, index: Int, width: Int, path: String) {
        #expect(TilePath.of(level: level, index: index, width: width) == path)
    }
}

@Suite("Checkpoints are signed notes")
struct SignedNoteTests {
    /// The example of golang.org/x/mod/sumdb/note.
    static let key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    static let text =
        "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n"
    static let note =
        text
        + "\n\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1"
        + "FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"

    @Test("a note of another implementation is believed, and not when one letter is another")
    func foreign() throws {
        let verifier = try #require(NoteVerifier(Self.key))
        #expect(verifier.text == Self.key)
        #expect(verifier.open(Self.note) == Self.text)
        #expect(verifier.open("J" + Self.note.dropFirst()) == nil)
        #expect(NoteVerifier(Self.key.replacing("c74f20a3", with: "c74f20a4")) == nil)
    }

    @Test("what is signed is read back; another's signature is not ours")
    func roundTrip() throws {
        let signer = NoteSigner(name: "sluice.dev/log/0011")
        let again = try #require(NoteSigner(name: "sluice.dev/log/0011", seed: signer.seed))
        #expect(again.verifier == signer.verifier)
        let checkpoint = Checkpoint(origin: "sluice.dev/log/0011", size: 3, root: .empty)
        let note = try checkpoint.signed(by: signer)
        #expect(Checkpoint(note: note, by: signer.verifier) == checkpoint)
        #expect(Checkpoint(note: note, by: NoteSigner(name: "sluice.dev/log/0011").verifier) == nil)
        #expect(Checkpoint(note: note.replacing("\n3\n", with: "\n4\n"), by: signer.verifier) == nil)
        let foreign = try Checkpoint(origin: "another", size: 3, root: .empty).signed(by: signer)
        #expect(Checkpoint(note: foreign, by: signer.verifier) == nil)
    }
}
