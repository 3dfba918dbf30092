/// A checkpoint that an auditor kept, held against a newer one without the records of before.
enum KeptCheckpoint {
    /// Why it does not fit; nil where the log grew from it. `proof` are the hashes that show so, if there are any.
    static func fault(_ kept: Checkpoint, against checkpoint: Checkpoint, proof: [TreeHash]?) -> AuditFault? {
        guard kept.size <= checkpoint.size else {
            return AuditFault(
                .incomparable, 0..<0,
                "the checkpoint you kept is over \(kept.size) records and this is older: it has \(checkpoint.size)")
        }
        let isTrivial = kept.size == checkpoint.size || kept.size == 0
        guard let hashes = isTrivial ? [] : proof else {
            return AuditFault(
                .incomparable, 0..<0,
                "the checkpoint you kept is over \(kept.size) records, this one over \(checkpoint.size), "
                    + "and there is no proof that one grew from the other: export with --checkpoint")
        }
        let (old, new) = ((kept.size, kept.root), (checkpoint.size, checkpoint.root))
        guard !TreeProof(hashes: hashes).proves(from: old, to: new) else { return nil }
        return AuditFault(
            .forked, 0..<kept.size,
            "the log over \(checkpoint.size) records is not the one that was signed over \(kept.size)")
    }
}
