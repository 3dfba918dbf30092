import GatewayIdentity
import GatewayModel
import GatewayWire

/// Tokens that are bound to a key: shown by somebody else they are worth nothing.
extension Exchange {
    /// RFC 8705 section 3 and RFC 9449 section 7. Throws `unauthenticated`.
    func checkBinding(
        of found: Principal, _ shown: inout ShownCredential, _ rules: TokenRules?
    ) throws(GatewayError) {
        let isBoundScheme = shown.isShown && CredentialScanner.isBound(lent: &request)
        switch found.detail?.confirmation {
        case nil:
            guard isBoundScheme, found.detail != nil, found.proof != .apiKey else { return }
            throw invalidProof("the token is bound to no key and was sent as one that is", "invalid_token")
        case .certificate(let thumbprint):
            let own = client.certificate.flatMap { Exchange.base64URL(hex: $0.fingerprint) } ?? ""
            guard Secret(thumbprint).matches(Array(own.utf8)) else {
                throw invalidProof("the token is bound to another client certificate", "invalid_token")
            }
        case .proofKey(let thumbprint):
            guard isBoundScheme else {
                throw invalidProof("the token is bound to a key and needs a proof of it", "invalid_token")
            }
            try checkProof(by: thumbprint, &shown, rules)
        }
    }

    private func checkProof(
        by thumbprint: String, _ shown: inout ShownCredential, _ rules: TokenRules?
    ) throws(GatewayError) {
        let proofs = request.fields.entries.filter { request.fields.equals($0.name, Exchange.proofField) }
        guard proofs.count == 1, let proof = proofs.first, let key = shown.key else {
            throw invalidProof(
                "the request carries \(proofs.isEmpty ? "no" : "more than one") proof", "invalid_dpop_proof")
        }
        let asked = ProofRules.Request(
            method: request.fields.text(request.methodName), url: ownURL, token: shown.digest(&request, key))
        let now = Int(worker.wallNanoseconds / 1_000_000_000)
        do throws(ProofRules.Problem) {
            let signer = try worker.shared.proofs.check(
                request.fields.copy(proof.value), of: asked, needsNonce: rules?.needsProofNonce ?? false,
                nowSeconds: now)
            guard Secret(thumbprint).matches(Array(signer.utf8)) else {
                throw .invalid("the proof is by another key than the token is bound to")
            }
        } catch {
            proofNonce = worker.shared.proofs.nonce(nowSeconds: now)
            switch error {
            case .invalid(let reason): throw invalidProof(reason, "invalid_dpop_proof")
            case .needsNonce: throw invalidProof("the proof needs the nonce in DPoP-Nonce", "use_dpop_nonce")
            }
        }
    }

    /// The request's URL as its sender wrote it, without the query.
    private var ownURL: String {
        var isTLS = client.port.isTLS
        if client.isTrusted, let scheme = request.fields.value(named: "x-forwarded-proto") { isTLS = scheme == "https" }
        let path = request.fields.text(askedPath)
        return "\(isTLS ? "https" : "http")://\(request.fields.text(askedAuthority))\(path)"
    }

    private func invalidProof(_ reason: String, _ code: String) -> GatewayError {
        let algorithms = SignatureAlgorithm.proof.map(\.rawValue).joined(separator: " ")
        challenges = [
            "DPoP error=\"\(code)\", error_description=\"\(Exchange.quotable(reason))\", algs=\"\(algorithms)\""
        ]
        return GatewayError(
            .unauthenticated, reason, hint: "send it as 'authorization: DPoP …' with a proof in the field DPoP")
    }

    private static func base64URL(hex: String) -> String? {
        let digits = Array(hex.utf8)
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count - 1, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index...(index + 1)], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        return bytes.isEmpty ? nil : Base64URL.encode(bytes)
    }

    // MARK: What an answer says of it

    func noteInvalid(_ reason: String) {
        noteChallenge("error=\"invalid_token\", error_description=\"\(Exchange.quotable(reason))\"")
    }

    /// RFC 6750 section 3. The first reason is told.
    func noteChallenge(_ parameters: String) {
        if challenges.isEmpty { challenges = ["Bearer realm=\"sluice\", \(parameters)"] }
    }

    /// What a room adds to the challenge of a refusal: where its clients get tokens.
    package func addChallenge(_ parameters: String) {
        if challenges.isEmpty { challenges = ["Bearer realm=\"sluice\""] }
        challenges = challenges.map { "\($0), \(parameters)" }
    }

    /// Adds what a refusal for want of a credential must say.
    func challenge(_ error: GatewayError) {
        if response.status == 401, challenges.isEmpty { challenges = ["Bearer realm=\"sluice\""] }
        guard response.status == 401 || response.status == 403 else { return }
        for challenge in challenges { response.fields.append("www-authenticate", challenge) }
        if let proofNonce { response.fields.append("dpop-nonce", proofNonce) }
    }

    /// What may stand in a quoted string of a challenge (RFC 6750 section 3).
    private static func quotable(_ text: String) -> String {
        String(
            text.unicodeScalars.filter { (0x20..<0x7F).contains($0.value) && $0 != "\"" && $0 != "\\" }
                .map(Character.init))
    }
}
