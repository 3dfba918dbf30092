import Foundation
import GatewayModel
import GatewayWire
import Testing

@testable import GatewayRecords

@Suite("Whatever is done to a log or a bundle is found, and located")
struct AuditVerifyTests {
    private static let count = 600

    /// A log with checkpoints over 200, 400 and 600 records.
    private func log() throws -> AuditTestFolder {
        let test = try AuditTestFolder()
        for _ in 0..<3 { try test.fill(Self.count / 3) }
        return test
    }

    private func bundle(_ test: AuditTestFolder, _ filter: AuditFilter? = nil) throws -> [[UInt8]] {
        var lines = try AuditBundle(test.folder).lines(filter: filter)
        var all: [UInt8] = []
        while let piece = try lines.take() { all += piece }
        return all.split(separator: 0x0A).map(Array.init)
    }

    private func verify(
        _ lines: [[UInt8]], key: NoteVerifier? = nil, notes: [String] = []
    ) throws -> AuditReport {
        var verification = AuditBundleVerification(key: key, notes: notes)
        for line in lines { try verification.add(line) }
        return try verification.finish()
    }

    @Test("an untouched log is proven, where it lies and as a bundle, with the key that the auditor has")
    func untouched() throws {
        let test = try log()
        let report = try AuditLogVerification.run(test.folder)
        #expect(report.faults.isEmpty)
        #expect(report.records == Self.count)
        #expect(report.checkpoints == 3)
        let again = try verify(try bundle(test), key: test.folder.verifier)
        #expect(again.isProven)
        #expect(again.records == Self.count)
        let other = NoteSigner(name: report.origin).verifier
        #expect(try verify(try bundle(test), key: other).faults.first?.kind == .forged)
    }

    @Test("T27: one byte of the log", arguments: [0, 1, 255, 256, 431, 599])
    func oneByte(index: Int) throws {
        let test = try log()
        let segment = try #require(AuditReader(test.folder).segments.first)
        var (bytes, ranges, _) = try #require(AuditReader(test.folder).leaves(of: segment))
        bytes[ranges[index].lowerBound + 700] ^= 0x01
        try Data(bytes).write(to: URL(filePath: AuditSegment.path(1, in: test.folder.segments)))
        let report = try AuditLogVerification.run(test.folder)
        #expect(report.faults.first?.records == index..<(index + 1))
        #expect(report.faults.first?.kind == .edited)
        #expect(report.records == Self.count)
    }

    @Test("T27: one word of a record in a bundle", arguments: [0, 5, 299, 599])
    func edited(index: Int) throws {
        let test = try log()
        var lines = try bundle(test)
        lines[index + 1] = Array(
            String(decoding: lines[index + 1], as: UTF8.self).replacing("\"ada\"", with: "\"eve\"").utf8)
        let report = try verify(lines)
        #expect(report.faults.first?.kind == .edited)
        #expect(report.faults.first?.records == index..<(index + 1))
    }

    @Test("T27: a record whose fingerprint and hash were made anew")
    func forged() throws {
        let test = try log()
        let edited = try remade(try bundle(test), 300)
        let report = try verify(edited)
        #expect(report.faults.map(\.kind).contains(.chainBroken), "\(report.faults)")
        #expect(report.faults.first?.records == 301..<302)
    }

    @Test("T27: a whole log that was made anew contradicts the checkpoint that somebody kept")
    func rewritten() throws {
        let test = try log()
        let kept = try #require(test.folder.note())
        let again = try AuditTestFolder()
        try FileManager.default.createDirectory(atPath: again.folder.path, withIntermediateDirectories: true)
        for name in ["signer", "verifier"] {
            try FileManager.default.copyItem(
                atPath: "\(test.folder.path)/\(name)", toPath: "\(again.folder.path)/\(name)")
        }
        try again.fill(Self.count)
        #expect(try verify(try bundle(again)).isProven)
        let report = try verify(try bundle(again), notes: [kept])
        #expect(report.faults.first?.kind == .forked)
        let longer = try AuditLogVerification.run(again.folder, notes: [try #require(test.folder.notes().first)])
        #expect(longer.faults.map(\.kind) == [.rewritten])
    }

    @Test("T27: records that were taken out, put elsewhere, or cut off at the end")
    func moved() throws {
        let test = try log()
        let lines = try bundle(test)
        var without = lines
        without.remove(at: 101)
        let missing = try verify(without)
        #expect(missing.faults.first?.kind == .missing)
        #expect(missing.faults.first?.records == 100..<101)

        var swapped = lines
        swapped.swapAt(11, 12)
        let reordered = try verify(swapped)
        #expect(reordered.faults.contains { $0.records.contains(10) || $0.records.contains(11) })
        #expect(reordered.faults.map(\.kind).contains(.reordered))

        var short = Array(lines.dropLast(51))
        short.append(Array(#"{"end":550}"#.utf8))
        let truncated = try verify(short)
        #expect(truncated.faults.map(\.kind) == [.truncated])
        #expect(truncated.faults.first?.records == 550..<600)
        #expect(try verify(Array(lines.dropLast())).faults.first?.kind == .truncated)
    }

    @Test("a selection proves each of its records")
    func selection() throws {
        let test = try log()
        var filter = AuditFilter()
        filter.terms = [AuditFilter.Term(.run, "run-3"), AuditFilter.Term(.verdict, "denied")]
        var lines = try bundle(test, filter)
        let report = try verify(lines)
        #expect(report.isProven)
        #expect(report.records == test.entries.count { filter.matches($0) })
        #expect(report.records > 10)
        lines[2] = Array(String(decoding: lines[2], as: UTF8.self).replacing("denied", with: "allowed").utf8)
        #expect(try verify(lines).faults.map(\.kind) == [.edited])
        let single = try AuditBundle(test.folder).proof(of: 431)
        #expect(try verify(single.split(separator: 0x0A).map { Array($0) }).isProven)
    }

    @Test(
        "what is no bundle is said to be none",
        arguments: ["", "{}", "[]", "x", #"{"format":"sluice-audit-bundle/1"}"#])
    func nonsense(text: String) {
        #expect(throws: GatewayError.self) { try verify([Array(text.utf8)]) }
    }

    @Test("cutting a bundle anywhere and changing any byte of it never ends in a proof")
    func hostile() throws {
        let test = try AuditTestFolder()
        try test.fill(12)
        let whole = Array(try bundle(test).joined(separator: [0x0A]))
        for offset in stride(from: 0, to: whole.count, by: 251) {
            var bytes = whole
            bytes[offset] ^= 0x04
            let report = try? verify(bytes.split(separator: 0x0A).map { Array($0) }, key: test.folder.verifier)
            #expect(report?.isProven != true, "byte \(offset)")
        }
        // A witness that is no hash any more.
        let broken = String(decoding: whole, as: UTF8.self).replacing(/"leaf":"./, with: "\"leaf\":\"=")
        let report = try verify(broken.utf8.split(separator: 0x0A).map { Array($0) }, key: test.folder.verifier)
        #expect(!report.isProven)
    }

    @Test("T27: a record that keeps its leaf's attestation somewhere, and states another one")
    func keptAttestation() throws {
        let test = try log()
        var filter = AuditFilter()
        filter.terms = [AuditFilter.Term(.run, "run-3")]
        let lines = try bundle(test, filter)
        let line = String(decoding: lines[2], as: UTF8.self)
        let tree = try JSONTree.parse(lines[2])
        let record = try #require(tree["record"])
        let list = String(decoding: try #require(record["attestation_list"]).bytes, as: UTF8.self)
        let text = String(decoding: record.bytes, as: UTF8.self)
        let old = try #require(record["attestation_list"]?.array?.first?["fingerprint"]?["value"]?.string?.value)
        let edited = text.replacing("\"ada\"", with: "\"eve\"")
        let member = "\"attestation_list\":\(list)"
        // With a fingerprint that fits what the record without its own attestation is then.
        func stating(_ changed: String, without own: String) -> String {
            let bare = changed.replacing(",\"attestation_list\":\(own)", with: "")
            let new = TreeHash.of(Array(bare.utf8).span).hex
            return changed.replacing(own, with: own.replacing(old, with: new))
        }
        let own = list.replacing("\"test\"", with: "\"tess\"")
        let hidden = edited.replacing(member, with: "\"attestation_list\":\(own)")
            .replacing("\"actor\":{", with: "\"actor\":{\(member),")
        let second = edited.replacing(member, with: "\(member),\"attestation_list\":\(own)")
        let changes = [
            edited, stating(hidden, without: own), stating(second, without: own),
            edited.replacing(",\(member)", with: "").replacing("}}", with: "},\(member)}"),
            text.replacing(",\(member)", with: "").replacing("{\"action_id\"", with: "{\(member),\"action_id\""),
            text.replacing(",\(member)", with: ""),
        ]
        for changed in changes {
            var hostile = lines
            hostile[2] = Array(line.replacing(text, with: changed).utf8)
            #expect(hostile[2] != lines[2])
            // A name that is there twice is no JSON of ours.
            let found = try verify(hostile).faults.map(\.kind)
            #expect(found == [.edited] || found == [.unreadable, .missing], "\(found): \(changed)")
        }
    }

    private func singleKinds(
        _ log: AuditTestFolder, _ key: NoteVerifier, _ note: String?, from sizes: [Int] = []
    ) throws -> [AuditFault.Kind] {
        var bundle = try AuditBundle(log.folder)
        bundle.keptSizes = sizes
        let lines = try bundle.proof(of: 431).split(separator: 0x0A).map { Array($0) }
        return try verify(lines, key: key, notes: note.map { [$0] } ?? []).faults.map(\.kind)
    }

    @Test("a checkpoint that the auditor kept is held against a selection too")
    func keptCheckpoints() throws {
        let test = try log()
        let fork = try AuditTestFolder()
        // Whoever holds the gateway's key writes another history.
        try AuditFiles.makeFolder(fork.folder.path)
        for name in ["signer", "verifier"] {
            let bytes = try #require(AuditFiles.read("\(test.folder.path)/\(name)"))
            try AuditFiles.replace("\(fork.folder.path)/\(name)", bytes)
        }
        try fork.fill(Self.count)
        let key = try #require(test.folder.verifier)
        let kept = try #require(test.folder.note())
        let notes = test.folder.notes()
        let earlier = try #require(notes.first)
        #expect(try singleKinds(test, key, nil) == [])
        #expect(try singleKinds(fork, key, nil) == [])
        #expect(try singleKinds(test, key, kept) == [])
        #expect(try singleKinds(fork, key, kept) == [.forked])
        #expect(try singleKinds(fork, key, "hello") == [.forged])
        #expect(try singleKinds(fork, key, earlier) == [.incomparable])
        #expect(try singleKinds(test, key, earlier) == [.incomparable])
        #expect(try singleKinds(test, key, earlier, from: [1, 200, 601]) == [])
        #expect(try singleKinds(fork, key, earlier, from: [200]) == [.forked])
        #expect(try !verify(try bundle(fork), key: key, notes: [kept]).isProven)
    }

    @Test("a whole bundle that begins late is held against checkpoints from before; numbers that none has are no crash")
    func late() throws {
        let test = try log()
        let key = try #require(test.folder.verifier)
        let kept = try #require(test.folder.notes().first)
        let lines = try bundle(test)
        let leaves = try lines[1...Self.count].map { line in
            try #require(try JSONTree.parse(line)["leaf"]?.string.flatMap { TreeHash(base64: $0.value) })
        }
        // Cut behind what was kept, as retention does and anybody can.
        let first = 201
        var tree = AuditTree()
        for leaf in leaves.prefix(first) { tree.append(leaf) }
        func cut(_ sizes: [Int], first stated: Int = first, edge: [[TreeHash]]? = nil) throws -> [[UInt8]] {
            var whole = try AuditBundle(test.folder)
            whole.keptSizes = sizes
            var header = try #require(try JSONTree.parse(try whole.header(tree, isSelection: false)).object)
            header["checkpoints"] = []
            header["first"] = .integer(stated)
            if let edge { header["edge"] = .array(edge.map { .array($0.map { .text($0.base64) }) }) }
            let end = Array("{\"end\":\(Self.count - first)}".utf8)
            return [JSONTree.object(header).bytes] + lines[(first + 1)...Self.count] + [end]
        }
        #expect(try verify(try cut([]), key: key).isProven)
        #expect(try verify(try cut([]), key: key, notes: [kept]).faults.map(\.kind) == [.incomparable])
        #expect(try verify(try cut([200]), key: key, notes: [kept]).isProven)
        let hash = leaves[0]
        let full = [[TreeHash]](repeating: [TreeHash](repeating: hash, count: 255), count: 7)
        let edge = full + [[TreeHash](repeating: hash, count: 127)]
        #expect(try !verify(try cut([], first: .max, edge: edge), key: key).isProven)
        var huge = lines
        let line = String(decoding: lines[3], as: UTF8.self)
        huge[3] = Array(line.replacing("\"sequence\":2", with: "\"sequence\":9223372036854775807").utf8)
        #expect(huge[3] != lines[3])
        #expect(try !verify(huge, key: key).isProven)
    }

    @Test("records behind what a bundle's checkpoint is signed for are no part of it, and numbers are the records' own")
    func behindTheCheckpoint() throws {
        let test = try log()
        var lines = try bundle(test)
        let tree = try JSONTree.parse(lines[Self.count])
        let line = try #require(tree.object)
        let last = try #require(tree["record"]?.object)
        let first = try JSONTree.parse(lines[1])
        var record = last
        var metadata = try #require(tree["record"]?["metadata"]?.object)
        var list = try #require(tree["record"]?["attestation_list"]?.array?.first?.object)
        var before = JSONObject()
        before["fingerprint"] = list["fingerprint"]
        before["type_uid"] = last["type_uid"]
        before["uid"] = metadata["uid"]
        list["prev_event"] = .object(before)
        metadata["sequence"] = .integer(Self.count)
        metadata["uid"] = first["record"]?["metadata"]?["uid"]
        record["metadata"] = .object(metadata)
        record["attestation_list"] = nil
        var fingerprint = try #require(list["fingerprint"]?.object)
        let bare = try CanonicalJSON.bytes(.object(record))
        fingerprint["value"] = .text(TreeHash.of(bare.span).hex)
        list["fingerprint"] = .object(fingerprint)
        record["attestation_list"] = .array([.object(list)])
        var added = line
        added["index"] = .integer(Self.count)
        added["leaf"] = nil
        added["record"] = try JSONTree.parse(try CanonicalJSON.bytes(.object(record)))
        lines.insert(JSONTree.object(added).bytes, at: Self.count + 1)
        lines[Self.count + 2] = Array("{\"end\":\(Self.count + 1)}".utf8)
        let report = try verify(lines, key: test.folder.verifier)
        #expect(report.faults.map(\.kind) == [.forged])
        #expect(report.faults.map(\.records) == [Self.count..<(Self.count + 1)])
        added["index"] = .integer(7)
        lines[Self.count + 1] = JSONTree.object(added).bytes
        #expect(try verify(lines).faults.map(\.kind) == [.reordered, .forged])
    }

    /// The record changed as somebody would who knows how records are made.
    private func remade(_ lines: [[UInt8]], _ index: Int) throws -> [[UInt8]] {
        var lines = lines
        let line = try JSONTree.parse(lines[index + 1])
        let text = try #require(line["record"]).compactText.replacing("\"ada\"", with: "\"eve\"")
        var record = try #require(try JSONTree.parse(Array(text.utf8)).object)
        let attestation = try #require(record["attestation_list"])
        record["attestation_list"] = nil
        let bare = try CanonicalJSON.bytes(.object(record))
        let old = try #require(attestation.array?.first?["fingerprint"]?["value"]?.string?.value)
        let new = TreeHash.of(bare.span).hex
        let made = text.replacing(old, with: new)
        var changed = try #require(line.object)
        changed["record"] = try JSONTree.parse(Array(made.utf8))
        let salt = try #require(line["salt"]?.string.flatMap { Base64Text.decode($0.value) })
        changed["leaf"] = .text(AuditEntry(index: index, salt: salt, text: Array(made.utf8)).leafHash.base64)
        lines[index + 1] = JSONTree.object(changed).bytes
        return lines
    }
}
